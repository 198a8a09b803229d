"""The people of an account as a grid: roles down, parts of the company across."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WHOLE = ""  # the column of who is of all of it
# Down the page: first what an account cannot be without.
ROLES = (
    "ACCOUNT_ADMIN REQUESTER RECEIVING AP_CLERK PROCUREMENT AP_MANAGER FINANCE_LEAD EDI_IT LEGAL EXEC_SPONSOR".split()
)


@dataclass(frozen=True, slots=True)
class Row:
    """Who holds a role, site by site."""

    role: str
    cells: Sequence[Sequence[Any]]

    @property
    def is_vacant(self) -> bool:
        """Whether nobody does anywhere."""
        return not any(self.cells)


def grid(people: Sequence[Any]) -> tuple[list[str], list[Row]]:
    """The sites, all of the company first, and a row a role."""
    there = [one for one in people if one.contact.roles]
    sites = [WHOLE, *sorted({one.contact.scope.site for one in there} - {WHOLE})]
    rows = [
        Row(
            role,
            [[one for one in there if role in one.contact.roles and one.contact.scope.site == site] for site in sites],
        )
        for role in ROLES
    ]
    return sites, rows
