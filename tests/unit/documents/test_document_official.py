"""The official judge: warm, replaced after a crash, gone with its parent, never fooled into valid."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from lxml import etree

from deploy.local.rules import install
from services.documents import OfficialRules, Schema, Severity, is_valid, write
from services.documents.rules import official as judge_module
from services.documents.rules.official import findings
from services.documents.rules.sets import CII, EN16931_UBL, SHEETS, STYLESHEET, UBL
from tests.unit.documents.examples import BUYER, GOLDEN, an_invoice, domestic

FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_documents_are_written_byte_for_byte_and_valid(
    name: str, schema: Schema, official: OfficialRules
) -> None:
    """To renew them after a change that is meant: AR_GOLDEN=write pytest, and read the difference."""
    file, written = FOLDER / f"{name}.xml", write(GOLDEN[name]())
    if os.environ.get("AR_GOLDEN") == "write":
        file.write_bytes(written)

    assert written == file.read_bytes()
    assert schema.check(written) == []
    assert official.submit(written).result() == []


def test_the_rule_set_is_named(official: OfficialRules) -> None:
    assert official.rule_set == EN16931_UBL == "en16931-ubl-1.3.16"


async def test_documents_are_judged_side_by_side_without_holding_up_the_loop(rules_dir: Path) -> None:
    good, bad = write(domestic()), write(an_invoice(number=""))
    with OfficialRules(rules_dir, workers=2) as judges:
        found = await asyncio.gather(*(judges.check(xml) for xml in [good, bad] * 5))

    assert [is_valid(each) for each in found] == [True, False] * 5


def test_the_xsd_comes_first(official: OfficialRules) -> None:
    xml = write(domestic()).replace(b"PayableAmount", b"PayAmount")

    assert {finding.rule for finding in official.submit(xml).result()} == {"XSD"}


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<",
        b"<Invoice/>",
        b"\xff\xfe",
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b"<?xml version='1.0' encoding='nonsense'?><a/>",
    ],
)
def test_what_is_no_invoice_is_invalid(xml: bytes, schema: Schema, official: OfficialRules) -> None:
    assert not is_valid(schema.check(xml))
    assert not is_valid(official.submit(xml).result())


def test_an_entity_bomb_is_refused_at_once(schema: Schema) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(30))

    started = time.monotonic()
    [finding] = schema.check(f"<!DOCTYPE a [{laughs}]><a>&l29;</a>".encode())

    assert finding.rule == "XML"
    assert time.monotonic() - started < 1


def test_a_worker_that_dies_is_replaced_and_its_document_is_invalid(rules_dir: Path) -> None:
    good = write(domestic())
    with OfficialRules(rules_dir) as judges:
        [worker] = _judges(psutil.Process())
        worker.kill()
        worker.wait()

        [finding] = judges.submit(good).result()

        assert (finding.rule, finding.severity) == ("RULES", Severity.FATAL)
        assert judges.submit(good).result() == []


def test_a_worker_that_hangs_is_replaced_and_its_document_is_invalid(
    rules_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write(domestic())
    with OfficialRules(rules_dir) as judges:
        monkeypatch.setattr(judge_module, "_JUDGED_WITHIN_S", 0.0)
        [finding] = judges.submit(good).result()
        monkeypatch.undo()

        assert finding.rule == "RULES"
        assert judges.submit(good).result() == []


def test_a_sheet_that_raises_means_invalid(rules_dir: Path, tmp_path: Path) -> None:
    (tmp_path / UBL).symlink_to(rules_dir / UBL)
    (tmp_path / EN16931_UBL).mkdir()
    (tmp_path / EN16931_UBL / STYLESHEET).write_text(
        """<xsl:stylesheet version="2.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
          <xsl:template match="/"><xsl:value-of select="xs:decimal('x')" xmlns:xs="http://www.w3.org/2001/XMLSchema"/>
          </xsl:template></xsl:stylesheet>"""
    )
    with OfficialRules(tmp_path) as judges:
        found = [judges.submit(write(domestic())).result() for _ in range(2)]

    assert [finding.rule for each in found for finding in each] == ["RULES", "RULES"]
    assert "could not be applied" in found[0][0].message


def test_a_document_type_is_refused_even_if_it_is_never_used(schema: Schema) -> None:
    xml = write(domestic()).replace(b"<Invoice", b'<!DOCTYPE Invoice [<!ENTITY a "b">]><Invoice', 1)

    assert [finding.rule for finding in schema.check(xml)] == ["XML"]


def test_workers_die_with_their_parent(rules_dir: Path) -> None:
    source = (
        "import sys, time\nfrom pathlib import Path\nfrom services.documents import OfficialRules\n"
        "if __name__ == '__main__':\n"
        f"    judges = OfficialRules(Path({str(rules_dir)!r}))\n    print('warm', flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"warm\n"
    workers = _judges(psutil.Process(parent.pid))
    assert len(workers) == 1

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert (len(gone), alive) == (1, [])


def _judges(parent: psutil.Process) -> list[psutil.Process]:
    """The newest worker: the folder's shared judge may run beside it."""
    workers = [child for child in parent.children() if "spawn_main" in " ".join(child.cmdline())]
    return sorted(workers, key=lambda child: child.create_time())[-1:]


def test_reports_and_assertions_both_count_and_what_has_no_flag_is_fatal() -> None:
    report = """<svrl:schematron-output xmlns:svrl="http://purl.oclc.org/dsdl/svrl">
      <svrl:failed-assert id="BR-01" flag="warning" location="/a"><svrl:text>[BR-01]- odd</svrl:text></svrl:failed-assert>
      <svrl:successful-report location="/b"><svrl:text>[FX-02] - wrong</svrl:text></svrl:successful-report>
    </svrl:schematron-output>"""

    odd, wrong = findings(report)

    assert (odd.rule, odd.severity, odd.message) == ("BR-01", Severity.WARNING, "odd")
    assert (wrong.rule, wrong.severity, wrong.place) == ("FX-02", Severity.FATAL, "/b")


def test_places_are_read_without_namespaces(official: OfficialRules) -> None:
    [finding] = official.submit(write(an_invoice(number=""))).result()

    assert finding.place == "/Invoice[1]"


def test_installing_the_rules_again_changes_nothing(rules_dir: Path) -> None:
    before = (rules_dir / EN16931_UBL).stat().st_mtime_ns
    started = time.monotonic()

    assert install(rules_dir) == rules_dir
    assert (rules_dir / EN16931_UBL).stat().st_mtime_ns == before
    assert time.monotonic() - started < 1


def test_a_fresh_installation_is_complete(tmp_path: Path) -> None:
    Schema(install(tmp_path / "rules"))

    found = {path.name for path in (tmp_path / "rules").iterdir() if not path.name.startswith(".")}
    assert found - {"fonts"} == {UBL, CII, *SHEETS}


def test_a_folder_without_the_rules_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=EN16931_UBL):
        OfficialRules(tmp_path)


def test_equal_values_give_equal_bytes() -> None:
    assert write(domestic()) == write(domestic())
    assert b"\r" not in write(domestic())


def test_names_beyond_latin_survive() -> None:
    name = "Ελληνικά Ωμέγα 株式会社 Пример <&>\"'"
    xml = write(an_invoice(buyer=type(BUYER)(name=name, vat_id=BUYER.vat_id, address=BUYER.address)))

    assert name in "".join(map(str, etree.fromstring(xml).itertext()))
