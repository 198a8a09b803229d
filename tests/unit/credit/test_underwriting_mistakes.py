"""A policy with a mistake never decides: each is named with its line and what was probably meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.artifacts import ROOT
from services.credit.domain.underwriting import Facts, MistakesFound, assess, default, read
from services.credit.domain.underwriting.lines import TEXT_MAX
from services.credit.domain.underwriting.mistakes import MISTAKES_MAX
from services.kernel.refusals import Invalid
from tests.unit.credit.underwritten import KNOWN, TODAY, WEAK, a_company

TEXT = default().text
AGE = "{below: 730, points: 8}"

# What stands in the house's own policy, what somebody writes instead, and how it is refused.
SEEDED = [
    ("company_status == 'not_found'", "compny_status == 'not_found'", "fact_unknown", "did you mean company_status"),
    ("grade == 'D'", "graed == 'D'", "fact_unknown", "did you mean grade"),
    ("overdue_amount > 0 and", "overdue_amount > days_overdue and", "types_differ", "money against days"),
    ("country == 'DE'", "country == 49", "types_differ", "text against"),
    ("company_status == 'not_found'", "company_status == 'notfound'", "choice_unknown", "did you mean not_found"),
    ("limit > 150000", "limit > 150.000,00", "expression_syntax", "no word of the language"),
    ("limit > 25000\n    unknown", "limit ** 2 > 25000\n    unknown", "expression_syntax", "+ - * /"),
    ("greatest(400, limit * 0.009)", "graetest(400, limit * 0.009)", "function_unknown", "did you mean greatest"),
    ("reason: R08", "reason: R80", "reason_without_words", "R80 has no words; did you mean R"),
    ("figures: {what: country}", "figures: {waht: country}", "figure_unknown", "did you mean what"),
    ("{id: not_in_register", "{id: grade_e", "id_twice", "grade_e stands here twice"),
    (f"- {AGE}", "- {from: 200, below: 730, points: 8}", "bins_gap", "no row has what is below 200"),
    (f"- {AGE}", "- {below: 100, points: 8}", "bins_shadowed", "the row before has all below 180"),
    (f"- {AGE}", "- {below: 730, points: 15}", "bins_direction", "the direction is up"),
    ("{grade: B, below: 0.015}", "{grade: B, below: 0.005}", "bins_shadowed", "the grade before has all"),
    ("{A: 250000, B: 100000,", "{A: 250000,", "bins_gap", "no amount for B"),
    ("unknown: standard\n    then: decline", "then: decline", "key_missing", "unknown is missing"),
    ("step: 100", "stpe: 100", "key_unknown", "did you mean step"),
    ("registered_on: {kind: date}", "registered_on: {kind: day}", "value", "'money'"),
    ("usual: 30", "usual: thirty", "value", "a plain number"),
    ("language: 1", "language: 2", "value", "'1'"),
    ("most: 3", "most: 3\n  most: 2", "key_twice", "most stands here twice"),
    ("  step: 100", "\tstep: 100", "tab", "spaces"),
    ("questions:", "questions: &all", "anchor", "anchors"),
    ("usual: 30", "usual: !!int 30", "tag", "tags"),
    ("grade_e, when: grade == 'E'", "grade_e, when: not known(age)", "declines_unknown", "what is known"),
    ("when: grade == 'D'", "when: contact_email == 'a@b.example'", "personal_decides", "only known(contact_email)"),
    ("key: iban, track", "key: bureau_score, track", "question_not_given", "not the applicant's"),
    ("{equity: equity_ratio * 100,", "{equity: sanctions_score,", "secret_told", "sanctions_score is never told"),
    ("{worth: tangible_net_worth}", "{worth: equity_ratio}", "types_differ", "ratio where money"),
    ("age: today - registered_on", "limit: today - registered_on", "name_taken", "a word of the language"),
    ("bank_confirmed: \"true\"", "bank_confrmed: \"true\"", "fact_unknown", "did you mean bank_confirmed"),
    ("clears: ship_to_confirmed", "clears: ship_to_kind", "fact_unknown", "no flag"),
    ("USD: 1.1", "USX: 1.1", "currency", "USX"),
    ("direct_debit, card]\n  reason", "direct_debit, card\n  reason", "yaml", ""),
    ("unknown: 14\n", "unknown: 40\n", "value", "counts no more"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "code", "said"), SEEDED)
def test_a_mistake_is_named_with_its_line(right: str, wrong: str, code: str, said: str):
    at = TEXT.index(right)
    before = TEXT[:at]
    first = before.count("\n") + 1
    lines = range(first, first + wrong.count("\n") + 2)  # a line that is not there is found at the next or in its table

    with pytest.raises(MistakesFound) as found:
        read(before + wrong + TEXT[at + len(right) :])

    named = [mistake for mistake in found.value.mistakes if mistake.code == code and said in mistake.message]
    assert named, found.value.mistakes
    if code != "key_missing":
        assert named[0].line in lines


def test_what_is_missing_is_named_where_it_should_stand():
    with pytest.raises(MistakesFound) as found:
        read(TEXT.replace("unknown: standard\n    then: decline", "then: decline", 1))

    [mistake] = found.value.mistakes
    assert TEXT.splitlines()[mistake.line - 1].strip() == "- id: country_closed"


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines():
    with pytest.raises(MistakesFound) as found:
        read(TEXT.replace("grade == 'D'", "graed == 'D'").replace("grade == 'E'", "graed == 'E'"))

    assert [mistake.code for mistake in found.value.mistakes] == ["fact_unknown", "fact_unknown"]
    assert found.value.mistakes[0].line < found.value.mistakes[1].line


def test_at_most_fifty_mistakes_are_told():
    with pytest.raises(MistakesFound) as found:
        read(TEXT.replace("points: ", "point: "))

    assert len(found.value.mistakes) == MISTAKES_MAX


def test_a_text_with_mistakes_is_a_request_that_is_refused():
    with pytest.raises(Invalid) as refused:
        read("language: 1")

    assert refused.value.code == "policy.mistakes"
    assert refused.value.message.startswith("line 1: ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("# only a remark\n", "empty"),
        ("x", "value"),
        ("- 1", "value"),
        ("{}", "key_missing"),
        ("a: 1\n---\nb: 2", "yaml"),
        ("a: *b", "anchor"),
        ("? [a]\n: 1", "yaml"),
        ("<<: {a: 1}", "key_unknown"),
        ("a: \x00", "yaml"),
        ("a: 'x", "yaml"),
        ("[" * 5000, "yaml"),
        ("{a: " * 5000, "yaml"),
        ("a: 1\n" * 3, "key_twice"),
        ("x" * (TEXT_MAX + 1), "text_long"),
        ("\ud800", "yaml"),
    ],
)
def test_nonsense_is_refused_and_never_a_defect(text: str, code: str):
    with pytest.raises(MistakesFound) as found:
        read(text)

    assert code in {mistake.code for mistake in found.value.mistakes}


@pytest.mark.parametrize(
    "formula",
    ["((((" * 60, "not " * 200 + "true", "-" * 400 + "1", "x" * 1001, "1 +", "a.b", "a[0]", "f'{a}'", "lambda: 1", "1e9", "0x10", "1 if true else 2", "country is 'DE'", "[country]", "known(1)", "known(age, age)", "need(1)", "least(1)", "__import__('os')", "country == b'DE'", "country in country", "country in []", "1j", "'a' + 'b' == 'c'"],
)  # fmt: skip
def test_what_is_no_formula_is_refused_and_never_a_defect(formula: str):
    with pytest.raises(MistakesFound):
        read(TEXT.replace("is_new: either(settled_invoices, 0) < 4", f"is_new: {formula!r}", 1))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_text_that_is_cut_and_mixed_is_refused_or_decides(data: st.DataObject):
    lines = TEXT.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        one, other = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        words = lines[one].split(": ")
        lines[one] = (
            ": ".join([*words[:-1], lines[other].split(": ")[-1]]) if data.draw(st.booleans()) else lines[other]
        )
    try:
        policy = read("\n".join(lines))
    except MistakesFound:
        return
    companies: list[Facts] = [a_company(), a_company(**WEAK), a_company(**KNOWN), {}]
    for company in companies:
        assess(policy, company, on=TODAY, currency="SEK")


def test_every_code_of_a_mistake_is_explained_to_who_writes_policies():
    told = (ROOT / "services/credit/POLICY.md").read_text()

    assert {code for _, _, code, _ in SEEDED if f"`{code}`" not in told} == set()
