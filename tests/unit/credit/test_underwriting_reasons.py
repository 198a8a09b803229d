"""Why it came out so: what cost most first, with the figures that the words need."""

from services.credit.domain.underwriting import Outcome, assess, default, read
from tests.unit.credit.underwritten import KNOWN, TODAY, WEAK, a_company, decided


def reasons(**changes: str | None) -> dict[str, dict[str, str]]:
    return {reason.code: dict(reason.figures) for reason in decided(**changes).reasons}


def test_what_cost_most_points_is_told_first():
    assert list(reasons(**WEAK)) == ["R03", "R01", "R18", "R13"]


def test_figures_are_told_as_the_words_need_them():
    assert reasons(**WEAK)["R03"] == {"source": "bureau", "value": "5", "needed": "60"}
    assert reasons(**WEAK)["R01"] == {
        "months": "4", "needed": "24", "deposit": "6000.00 EUR", "date": "2028-07-31",
    }  # fmt: skip
    assert reasons(**WEAK)["R18"] == {"equity": "-10", "needed": "25"}


def test_who_gets_all_that_was_asked_for_is_told_no_reason():
    assert decided().reasons == ()


def test_more_than_is_needed_is_told_with_both_amounts():
    found = reasons(requested_amount="25000 EUR", typical_order="2000 EUR", orders_a_month="2")

    assert found == {"R04": {"requested": "25000.00 EUR", "need": "12000.00 EUR"}}


def test_how_somebody_paid_is_told_in_figures():
    assert reasons(**{**KNOWN, "mean_days_late": "7", "late_invoices": "30"})["R02"] == {
        "late": "30", "of": "60", "days": "7", "clean": "4",
    }  # fmt: skip


def test_what_is_overdue_is_told_with_its_day():
    assert reasons(**{**KNOWN, "overdue_amount": "5000 EUR", "overdue_since": "2026-10-01"}) == {
        "R08": {"overdue": "5000.00 EUR", "since": "2026-10-01"},
    }


def test_of_a_list_of_sanctions_nothing_is_told_but_that_a_person_looks():
    found = decided(
        sanctions_score="85",
        annual_accounts="d1",
        annual_accounts_before="d2",
        owners="A",
        signer="A",
        signer_authority="d3",
    )

    assert [(reason.code, dict(reason.figures)) for reason in found.reasons] == [("R11", {"by": "2026-12-04"})]
    assert found.track_because == ("check",)


def test_a_suspicion_is_told_as_a_check_and_kept_as_a_signal():
    found = decided(domain_lookalike="true")

    assert [reason.code for reason in found.reasons] == ["R19"]
    [signal] = found.signals
    assert (signal.rule, signal.action, signal.feature, signal.value, signal.threshold) == (
        "F02", "step_up", "domain_lookalike", "true", "true",
    )  # fmt: skip


def test_a_signal_shows_the_comparison_that_struck():
    [signal] = decided(domain_age_days="12").signals

    assert (signal.rule, signal.feature, signal.value, signal.threshold) == ("F03", "domain_age_days", "12", "< 90")


def test_a_rule_in_the_shadow_only_watches():
    text = default().text
    at = text.index("- id: F01")
    shadow = read(text[:at] + text[at:].replace("    reason: R19", "    reason: R19\n    shadow: true", 1))
    found = assess(shadow, a_company(applications_same_mark_24h="5"), on=TODAY, currency="EUR")

    assert found.outcome is Outcome.APPROVED
    assert [(signal.rule, signal.action) for signal in found.signals] == [("F01", "shadow")]
    assert "F01" not in found.rules_fired


def test_where_no_figure_is_known_it_is_told_without():
    assert list(reasons(registered_on=None, company_status=None)) == ["R06"]
    assert [reason.code for reason in assess(default(), a_company("JPY"), on=TODAY, currency="JPY").reasons] == ["R17"]


def test_what_somebody_wrote_is_told_in_one_line():
    found = decided(**{**WEAK, "bureau_source": "Town\nBureau \u202e" + "x" * 300})

    said = dict(found.reasons[0].figures)["source"]
    assert said.startswith("Town Bureau xxx") and len(said) == 200


def test_of_very_many_missing_facts_as_many_are_named_as_fit():
    text = default().text
    more = "".join(f"  a_long_name_of_a_fact_{number}: {{kind: text, given: true}}\n" for number in range(20))
    asked = "".join(f"  - {{key: a_long_name_of_a_fact_{number}, track: fast}}\n" for number in range(20))
    wordy = read(text.replace("facts:\n", f"facts:\n{more}", 1).replace("questions:\n", f"questions:\n{asked}", 1))
    [reason] = assess(wordy, a_company(), on=TODAY, currency="EUR").reasons
    said = dict(reason.figures)["facts"]

    assert len(said) <= 200
    assert said.split() == [f"a_long_name_of_a_fact_{number}" for number in range(len(said.split()))]


def test_the_feature_of_a_signal_is_a_fact():
    text = default().text.replace("when: duplicate_identity >= 1,", "when: '1 <= greatest(duplicate_identity, 0)',")
    [signal] = assess(read(text), a_company(duplicate_identity="2"), on=TODAY, currency="EUR").signals

    assert (signal.rule, signal.feature, signal.value) == ("F09", "duplicate_identity", "2")
