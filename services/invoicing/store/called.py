"""What is found by how one of its names begins, a page at a time and by key.

In the order of the names, since no index has what begins alike by its age: names that count upwards have the newest last.
"""

from dataclasses import dataclass

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.invoicing.store.columns import LISTED_TENANT

Place = tuple[str, str]  # a name, and the key of what has it
_LAST = "\U0010ffff"  # the last character there is, which no name has that comes from outside


@dataclass(frozen=True, slots=True)
class Called:
    """A table whose rows have several names; indexes list each by tenant and by account, byte by byte."""

    table: str
    key: str
    names: tuple[str, ...]

    async def find(
        self, tx: Tx, tenant: str, page: Page, *, account_id: str, begins: str, last_first: bool
    ) -> tuple[list[str], list[Place]]:
        """The keys of a page, and the places that it goes through: a row has as many as it has names that begin so."""
        each = [self._one(name, page, has_account=bool(account_id), last_first=last_first) for name in self.names]
        asked = [tenant, *([account_id] if account_id else []), begins, begins + _LAST, *(page.after or ())]
        rows = await tx.rows(" UNION ALL ".join(each), asked * len(each))
        rows = sorted(rows, key=lambda row: (row.name, row.key), reverse=last_first)[: page.most]
        first = max if last_first else min
        found = [row.key for row in rows if row.name == first(name for name in row.names if name.startswith(begins))]
        return list(dict.fromkeys(found)), [(row.name, row.key) for row in rows]

    def _one(self, name: str, page: Page, *, has_account: bool, last_first: bool) -> str:
        whose = "tenant = %s AND account_id = %s" if has_account else f"{LISTED_TENANT} = %s"
        place = f'{name} COLLATE "C", {self.key} COLLATE "C"'
        after = f" AND ({place}) {'<' if last_first else '>'} (%s, %s)" if page.after else ""
        order = ", ".join(f"{part} {'DESC' if last_first else 'ASC'}" for part in place.split(", "))
        return f"""(SELECT {name} AS name, {self.key} AS key, ARRAY[{", ".join(self.names)}] AS names FROM {self.table}
                     WHERE {whose} AND {name} COLLATE "C" >= %s AND {name} COLLATE "C" < %s{after}
                     ORDER BY {order} LIMIT {page.most})"""  # noqa: S608 - our own words
