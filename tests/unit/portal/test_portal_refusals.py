"""What is refused has words on the pages, in each language: every code that a page can meet, of the portal and of others."""

import ast
from collections.abc import Iterator
from pathlib import Path

from services.chassis import texts
from services.credit.domain import underwriting
from services.portal.labels import LABELS

SERVICES = Path(__file__).resolve().parents[3] / "services"
# What is answered by a page of its own (there is no such thing, or it is not the reader's) has no words.
OF_OTHERS = frozenset({"Invalid", "Conflict", "KeyReused"})
OURS = OF_OTHERS | {"NotFound", "Forbidden", "Refused"}
# Codes, or how they begin, that no page meets, and why.
NEVER = {
    "said to programs that call otherwise than the portal does": (
        "audit. call. clock. tenant. contact.id_malformed link. notice. dispute.one_or_several dispute.whose"
        " dispute.unknown_order dispute.unknown_state dispute.written_by action.unknown_count action.unknown_step"
        " incident.unknown_progress invoice.search_of order.search_of order.account_mismatch"
        " held.account_missing hold.incomplete document.logo_unusable policy."
        " application.application_id application.exists application.document_incomplete application.document_name"
        " application.document_type fact.given_by trial.exists trial.source thread.written_by"
        " first_step.illegal_move security.incomplete security.kind uplift.incomplete"
    ),
    "of calls that no page makes yet": "rate.exists rate.file rate.none rate.same_currency rate.twice rate.value rate.day_future",
    "of a command of an operator": "host. provider.id provider.tenant provider.issuer provider.roles provider.no_logout",
    "of what other systems tell, or hand over to be judged": (
        "asset. credit_note. shipment. invoice.incomplete dispute.account_mismatch dispute.currency_mismatch dispute.id_reused dispute.id_reused"
        " decision.outcome dispute.amount_negative hold.amount_negative order.kind_unknown"
        " receipt.account_mismatch receipt.id_reused receipt.incomplete receipt.line_repeated receipt.photo_malformed"
        " receipt.too_many receipt.unknown_line order.version_reused order.version_superseded document.unreadable document.written_only"
    ),
    "not there, which has a page of its own": "message.unknown news.unknown guide.unknown",
}


def codes() -> Iterator[tuple[str, str]]:
    """Each code that is raised, and by which service; but for those whose words are said where they are raised."""
    for file in sorted(SERVICES.rglob("*.py")):
        service = file.relative_to(SERVICES).parts[0]
        kinds = OURS if service == "portal" else OF_OTHERS
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(code)), words, *_]) if kind in kinds:
                    if "say" not in {part.attr for part in ast.walk(words) if isinstance(part, ast.Attribute)}:
                        yield code, service


def test_each_code_that_a_page_can_meet_has_words():
    never = tuple(" ".join(NEVER.values()).split())
    found = set(codes())

    assert len(found) > 200
    assert sorted((code, service) for code, service in found if code not in LABELS and not code.startswith(never)) == []


def test_what_is_more_than_its_field_takes_has_words_whatever_field_it_is():
    of_texts = {texts.CHARACTERS, texts.CONTROL_CHARACTER, texts.TOO_LONG}

    assert {"bytes.too_long", "list.too_long", "number.too_large", "time.out_of_range", *of_texts} <= LABELS.keys()


def test_what_is_said_never_to_be_met_is_raised_and_has_no_words():
    raised = {code for code, _ in codes()}

    for begins in " ".join(NEVER.values()).split():
        assert any(code.startswith(begins) for code in raised), begins


def test_each_datum_of_the_house_policy_each_track_and_each_mistake_of_a_text_has_words():
    policy = underwriting.default()
    wanted = [f"fact {key}" for key in policy.facts] + [f"because {rule.id}" for rule in policy.rules]
    mistakes = set(_mistakes())

    assert len(mistakes) > 20
    assert [one for one in [*wanted, *(f"mistake {code}" for code in sorted(mistakes))] if one not in LABELS] == []


def _mistakes() -> Iterator[str]:
    """Each code of a mistake: in a call the first word that is one, in a flaw of a table the second of three."""
    for file in sorted((SERVICES / "credit" / "domain" / "underwriting").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Wrong"), args=[ast.Constant(value=str(code)), *_]):
                    yield code
                case ast.Call(
                    func=ast.Name(id="Mistake") | ast.Attribute(attr="_wrong" | "_stop"),
                    args=[_, ast.Constant(value=str(code)), *_],
                ):
                    yield code
                case ast.Tuple(elts=[_, ast.Constant(value=str(code)), _]) if file.stem == "score":
                    yield code
