"""Codes both ways: each of ours comes back as itself, or the loss is written down."""

import pytest

from services.disputes.domain import vocabulary
from services.disputes.domain.reasons import REASONS
from services.disputes.domain.vocabulary import By
from services.kernel.refusals import Invalid
from tests.contract.vocabulary import TABLE, table

# What reason and action cannot tell apart: QTY says that a quantity is wrong, not whose.
LOST = {
    "PRC_DISC": "PRC_UNIT",
    "QTY_OVER": "QTY_SHORT",
    "DLV_REFUSED": "DLV_NONE",
    "QLT_SPEC": "QLT_DAMAGE",
    "SVC_NOTDONE": "DLV_NONE",
    "TAX_RATE": "INV_LEGAL",
    "ADV_COOP": "REB_BONUS",
    "BNK_FEE": "REB_BONUS",
}


def test_the_published_table_is_what_the_code_does():
    assert TABLE.read_text() == table(), "renew it: python -m tests.contract.vocabulary"


@pytest.mark.parametrize("code", REASONS)
def test_each_of_our_reasons_comes_back_from_peppol_as_itself_or_its_loss_is_listed(code: str):
    said = vocabulary.to_peppol(code)
    back = vocabulary.from_peppol(said.reason, [said.action])

    assert said.reason in vocabulary.CLARIFICATIONS
    assert said.action in vocabulary.ACTIONS
    assert back.code == LOST.get(code, code)
    assert code == back.code or code in back.others, "what it was is among what it might have been"


@pytest.mark.parametrize("code", REASONS)
def test_each_code_of_an_adjustment_leads_to_a_reason_that_has_it(code: str):
    for theirs in REASONS[code].uncl4465:
        found = vocabulary.from_uncl4465(theirs)
        assert theirs in REASONS[found.code].uncl4465
        assert code in (found.code, *found.others)


def test_what_is_lost_is_known():
    assert vocabulary.lost_in_peppol() == LOST
    assert vocabulary.lost_in_uncl4465() == {"SVC_NOTDONE": "DLV_NONE", "INV_LEGAL": "INV_REF"}


@pytest.mark.parametrize(
    ("reason", "actions", "terms", "code", "by"),
    [
        ("REF", [], [], "INV_REF", By.ALONE),
        ("DEL", [], [], "DLV_NONE", By.USUAL),
        ("DEL", ["PIN"], [], "DLV_POD", By.ACTION),
        ("LEG", ["NIN"], ["BT-152"], "TAX_RATE", By.TERM),
        # A term says more than an action does.
        ("PRI", ["NIN"], ["BT-147"], "PRC_DISC", By.TERM),
        ("FIN", ["CNA"], [], "REB_BONUS", By.USUAL),
        # Neither an action nor a term that any of them has.
        ("PAY", ["OTH"], ["BT-999"], "TRM_DUE", By.USUAL),
        ("NON", [], [], "OTH", By.ALONE),
    ],
)
def test_a_shared_code_is_told_apart_by_terms_then_by_what_is_asked_then_by_what_is_usual(
    reason: str, actions: list[str], terms: list[str], code: str, by: By
):
    found = vocabulary.from_peppol(reason, actions, terms)

    assert (found.code, found.by) == (code, by)


def test_a_payment_in_part_is_no_way_to_contest():
    assert vocabulary.to_peppol("PAY_DONE").reason == "OTH"
    assert vocabulary.from_peppol("PPD").code == "PAY_DONE"


def test_codes_that_are_in_no_list_are_refused():
    with pytest.raises(Invalid, match="XXX"):
        vocabulary.from_peppol("XXX")
    with pytest.raises(Invalid, match="999"):
        vocabulary.from_uncl4465("999")
