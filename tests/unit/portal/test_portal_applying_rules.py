"""An application's form: which fields it has, in which groups, and what each offer asks for."""

import pytest
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1.applications_pb2 import Application, ApplicationDecision, Fact, Offer, Question

from services.kernel.countries import COUNTRIES
from services.portal.domain import applying
from services.portal.usecases import currency_of


def an_application(*questions: Question, facts: tuple[Fact, ...] = (), offers: tuple[Offer, ...] = ()) -> Application:
    return Application(questions=questions, facts=facts, decision=ApplicationDecision(offers=offers))


def test_what_was_given_stands_in_the_form_beside_what_is_asked():
    application = an_application(
        Question(key="typical_order", kind="money", required=True),
        facts=(
            Fact(key="company_name", value="Muster GmbH", provenance="applicant"),
            Fact(key="requested_terms", value="30", provenance="applicant"),
            Fact(key="requested_amount", value="5000.00 EUR", provenance="applicant"),
            Fact(key="annual_accounts", value="d1", provenance="document"),
            Fact(key="country", value="DE", provenance="applicant"),
        ),
    )
    found = {field.key: (field.kind, field.given) for field in applying.fields(application)}
    assert found == {
        "typical_order": ("money", ""),
        "company_name": ("text", "Muster GmbH"),
        "requested_terms": ("days", "30"),
        "requested_amount": ("money", "5000.00 EUR"),
        "annual_accounts": ("document", "d1"),
    }


def test_groups_are_in_their_order_and_alternatives_together():
    application = an_application(
        Question(key="agreement", kind="flag", choices=["true"]),
        Question(key="iban", kind="text", alternative="bank"),
        Question(key="deposit_offered", kind="money", alternative="deposit"),
        Question(key="annual_accounts", kind="document", alternative="accounts"),
        Question(key="company_name", kind="text"),
        Question(key="something_new", kind="text"),
        Question(key="register_number", kind="text"),
    )
    groups = applying.grouped(applying.fields(application))
    assert [(name, [field.key for field in some]) for name, some in groups] == [
        ("company", ["register_number", "company_name"]),
        ("alternatives", ["iban", "deposit_offered"]),
        ("other", ["something_new"]),
        ("agreement", ["agreement"]),
    ]
    assert [field.key for field in applying.documents(applying.fields(application))] == ["annual_accounts"]


def test_a_colleague_has_the_fields_that_they_were_asked_for():
    application = an_application(*(Question(key=key, kind="text", required=True) for key in ("owners", "signer")))
    assert [field.key for field in applying.fields(application, ["signer"])] == ["signer"]
    assert applying.missing(application, ["signer"]) == ["signer"]


@pytest.mark.parametrize(
    ("levers", "taken", "clicked", "wanted"),
    [
        (["amount"], True, True, []),
        (["terms", "amount"], True, True, []),
        (["deposit"], False, True, []),
        (["direct_debit", "terms"], False, True, []),
        (["bank_confirmed"], False, False, ["iban"]),
        (["annual_accounts", "terms"], False, False, ["annual_accounts"]),
        (["references"], False, False, ["reference_1", "reference_2"]),
    ],
)
def test_an_offer_is_accepted_or_clicked_or_wants_something_added(
    levers: list[str], taken: bool, clicked: bool, wanted: list[str]
):
    offer = Offer(offer_id="o", levers=levers)
    assert (applying.is_taken(offer), applying.is_clicked(offer), applying.wanted(offer)) == (taken, clicked, wanted)
    assert {field.key for field in applying.fields(an_application(offers=(offer,)))} == set(wanted)


def test_each_country_has_a_currency():
    assert {len(currency_of(country)) for country in COUNTRIES} == {3}
    assert (currency_of("DE"), currency_of("GB"), currency_of("SE"), currency_of("US")) == ("EUR", "GBP", "SEK", "USD")


def test_each_state_is_either_answerable_or_waits_or_has_ended():
    states = {name.removeprefix("APPLICATION_STATE_") for name in applications_pb2.ApplicationState.keys()}  # noqa: SIM118 - of an enum
    assert applying.SUBMITTABLE < applying.ANSWERABLE < states
    assert not applying.ANSWERABLE & applying.ENDED
