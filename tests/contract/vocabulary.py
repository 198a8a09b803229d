"""Writes services/disputes/VOCABULARY.md: what others call our reasons, both ways: `python -m tests.contract.vocabulary`."""

from pathlib import Path

from services.disputes.domain import vocabulary
from services.disputes.domain.reasons import REASONS
from services.disputes.domain.vocabulary import By, Choice

TABLE = Path(__file__).parents[2] / "services" / "disputes" / "VOCABULARY.md"
_BY = {
    By.ALONE: "no other has it",
    By.TERM: "the term to correct",
    By.ACTION: "what is asked",
    By.USUAL: "the usual one",
}


def table() -> str:
    """The whole document."""
    return (
        "# What others call our reasons\n\n"
        "Generated from `services/disputes/domain/vocabulary.py` by `make baseline`. Peppol: reason (OPStatusReason) and action "
        "(OPStatusAction) of an Invoice Response 3. UNCL4465: an adjustment's reason, as a credit note or a remittance advice "
        "has it, the usual one first.\n\n"
        "## From ours\n\n"
        "| Ours | Means | Peppol reason | Action | Terms that tell it apart | UNCL4465 | Comes back from Peppol as | from UNCL4465 as |\n"
        "|---|---|---|---|---|---|---|---|\n"
        f"{_from_ours()}\n"
        "## To ours, from Peppol\n\n"
        "One that several share is told apart by the business term that the response corrects (a condition), then by the "
        "action that it asks for; where that leaves several, the usual one is taken, and a clerk may say otherwise.\n\n"
        "| Reason | Means | May be | By itself taken as | With an action or a term |\n|---|---|---|---|---|\n"
        f"{_from_peppol()}\n"
        "## To ours, from UNCL4465\n\n"
        "| Code | Taken as | Might have been | Why this one |\n|---|---|---|---|\n"
        f"{_from_uncl4465()}"
    )


def _from_ours() -> str:
    lost, lost_too = vocabulary.lost_in_peppol(), vocabulary.lost_in_uncl4465()
    rows = []
    for code, reason in REASONS.items():
        said = vocabulary.to_peppol(code)
        terms = " ".join(sorted(vocabulary.terms_of(code), key=lambda term: int(term[3:])))
        back = f"**{lost[code]}**" if code in lost else "itself"
        back_too = f"**{lost_too[code]}**" if code in lost_too else "itself"
        cells = (code, reason.meaning, said.reason, said.action, terms, " ".join(reason.uncl4465), back, back_too)
        rows.append(f"| {' | '.join(cells)} |\n")
    return "".join(rows)


def _from_peppol() -> str:
    rows = []
    for code, meaning in vocabulary.CLARIFICATIONS.items():
        found = vocabulary.from_peppol(code)
        told = [
            f"{action}: {other.code}"
            for action in vocabulary.ACTIONS
            if (other := vocabulary.from_peppol(code, [action])).code != found.code
        ]
        told += [
            f"{' '.join(sorted(vocabulary.terms_of(other), key=lambda term: int(term[3:])))}: {other}"
            for other in found.others
            if vocabulary.terms_of(other)
        ]
        rows.append(f"| {code} | {meaning} | {' '.join(_all(found))} | {found.code} | {'; '.join(told)} |\n")
    return "".join(rows)


def _from_uncl4465() -> str:
    rows = []
    for code in dict.fromkeys(code for reason in REASONS.values() for code in reason.uncl4465):
        found = vocabulary.from_uncl4465(code)
        rows.append(f"| {code} | {found.code} | {' '.join(found.others)} | {_BY[found.by]} |\n")
    return "".join(rows)


def _all(found: Choice) -> list[str]:
    return [code for code in REASONS if code == found.code or code in found.others]


def main() -> None:
    """Write it."""
    TABLE.write_text(table())


if __name__ == "__main__":
    main()
