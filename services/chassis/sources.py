"""Who outside may tell us events: each source on a topic of its own, for the tenants that it may speak for.

On the topic that all share, whose records nothing but a right to write vouches for, whoever writes may speak for every
tenant as long as the setting names no source; once it names one, for those of its entry "*" alone. Of no other source's
topic, and of no tenant beyond those, is anything believed.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from services.chassis import parked
from services.chassis.database import is_tenant
from services.chassis.envelope import FROM_OUTSIDE, SOURCE_MAX, Record, contract_of, source_of
from services.chassis.parked import Reason, Slot
from services.kernel.refusals import quoted

ANY = "*"  # any tenant; and among the sources, whoever writes on the topic that all share
PORTAL = "portal"  # whoever orders by a call: told by us, on a topic like any other source's
TENANT_NOT_ALLOWED = "event.tenant_not_allowed"
_SOURCE = re.compile(f"[a-z0-9-]{{1,{SOURCE_MAX}}}")


class Sources:
    """The tenants of each source."""

    def __init__(self, tenants: Mapping[str, Collection[str]] | None = None) -> None:
        """Take what the setting AR_ORDER_SOURCES says."""
        self._tenants = {source: frozenset(said) for source, said in (tenants or {ANY: [ANY]}).items()}

    def topics(self, contracts: Iterable[str]) -> list[str]:
        """The topics on which the events of these contracts come, those of each source among them."""
        own = [source for source in self._tenants if source != ANY]
        return sorted(
            topic
            for contract in contracts
            for topic in (contract, *(f"{contract}.{source}" for source in own if contract in FROM_OUTSIDE))
        )

    def speaks(self, source: str, tenant: str) -> bool:
        """Whether a source is named, and speaks for that tenant."""
        allowed = self._tenants.get(source, frozenset())
        return ANY in allowed or tenant in allowed

    def why_not(self, record: Record) -> Reason | None:
        """Why a record is not believed: its source does not speak for the tenant that it names."""
        if contract_of(record.topic) not in FROM_OUTSIDE or not is_tenant(
            tenant := record.headers.get("ce_tenant", "")
        ):
            return None  # ours; or no event at all, as others find out
        source = source_of(record.topic)
        if self.speaks(source or ANY, tenant):
            return None
        who = source or record.topic
        return Reason("refused", TENANT_NOT_ALLOWED, f"{who} does not speak for {quoted(tenant)} (AR_ORDER_SOURCES)")

    def slot_of(self, record: Record) -> Slot:
        """What a record concerns; one whose source does not speak for its tenant is not that tenant's, but nobody's."""
        return parked.slot_of(record) if self.why_not(record) is None else parked.nobodys(record)


def check(tenants: Mapping[str, Collection[str]]) -> None:
    """Raise ValueError where that cannot be what a setting means."""
    for source, said in tenants.items():
        if source != ANY and not _SOURCE.fullmatch(source):
            raise ValueError(f"{quoted(source)} is no source: 1 to {SOURCE_MAX} of a-z, 0-9 and '-', or '{ANY}'")
        if wrong := [tenant for tenant in said if tenant != ANY and not is_tenant(tenant)]:
            raise ValueError(f"{quoted(wrong[0])}, of {source}, is no tenant: 1 to 63 of a-z, 0-9 and '-', or '{ANY}'")
