"""What the house's own policy makes of companies, to the last digit: golden/underwriting.toml."""

import os
import subprocess
import sys
import tomllib
from decimal import ROUND_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from deploy.local.artifacts import ROOT
from services.credit.domain.underwriting import Assessment, default, read, replay
from tests.unit.credit.underwritten import decided

GOLDEN = tomllib.loads((Path(__file__).parent / "golden/underwriting.toml").read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=name) for name, case in GOLDEN.items()]


def assessed(case: dict[str, Any]) -> Assessment:
    changes = {key: text or None for key, text in case["facts"].items()}
    return decided(case.get("currency", "EUR"), **changes)


def hashes() -> list[str]:
    return [assessed(case).result_hash for case in GOLDEN.values()]


@pytest.mark.parametrize("case", CASES)
def test_a_company_is_decided_as_it_is_written(case: dict[str, Any]):
    found = assessed(case)

    assert {
        "track": found.track,
        "because": list(found.track_because),
        "outcome": found.outcome,
        "limit": f"{found.limit:f}",
        "terms_days": found.terms_days,
        "deposit": f"{found.deposit:f}",
        "grade": found.grade,
        "binding": found.binding,
        "reasons": [reason.code for reason in found.reasons],
        "offers": [offer.offer_id for offer in found.offers],
        "result_hash": found.result_hash,
    } == {name: value for name, value in case.items() if name not in {"facts", "currency"}}


@pytest.mark.parametrize("case", CASES)
def test_what_was_decided_is_decided_again_from_its_snapshot(case: dict[str, Any]):
    then = assessed(case)

    assert replay(read(default().text), then.snapshot) == then


def test_it_is_the_same_whatever_the_process_computes_by():
    with localcontext(Context(prec=5, rounding=ROUND_UP)):
        assert hashes() == [case["result_hash"] for case in GOLDEN.values()]


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_it_is_the_same_under_another_hash_seed(seed: str):
    program = "from tests.unit.credit.test_underwriting_golden import hashes; print(*hashes())"
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert other.stdout.split() == [case["result_hash"] for case in GOLDEN.values()]


def test_another_fact_is_another_hash():
    assert decided(requested_amount="20000.01 EUR").result_hash != decided().result_hash
    assert decided(bureau_score="71").inputs_hash != decided().inputs_hash


def test_what_persons_are_called_is_in_no_snapshot():
    snapshot = decided(owners="A. Ek", signer="A. Ek", iban="DE89370400440532013000").snapshot

    assert not any(text in snapshot for text in ("Ek", "DE89", "einkauf", "86891"))


def test_amounts_have_whole_minor_units_before_anything_is_decided():
    assert decided(open_p95="10000 EUR").terms[1] == ("need", Decimal("12500.00"))
