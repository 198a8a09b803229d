"""Where the tenants' legal entities are, in whichever service keeps what people wrote: by that it is kept, and forgotten."""

from collections.abc import Sequence
from datetime import date

from receivables.invoicing.v1 import events_pb2

from services.chassis.columns import Columns
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.kernel.retention import Record, kept_from

_COUNTRY = Columns("tenant text, seller_id text, version int, country text")


async def know_countries(tx: Tx, events: Sequence[Event[events_pb2.SellerChanged]]) -> None:
    """Know where these legal entities are; what was told later, by its version, counts."""
    told = sorted(events, key=lambda event: event.body.version)
    newest = {
        (e.tenant, e.body.seller.seller_id): (e.body.version, e.body.seller.company.address.country) for e in told
    }
    await tx.run(
        f"""INSERT INTO seller_country AS s ({_COUNTRY.names}) SELECT * FROM {_COUNTRY.rows} AS new
            ON CONFLICT (tenant, seller_id) DO UPDATE SET version = EXCLUDED.version, country = EXCLUDED.country
            WHERE s.version <= EXCLUDED.version""",  # noqa: S608 - our own columns
        [_COUNTRY.pack((*key, *newest[key]) for key in sorted(newest))],
    )


async def first_day(tx: Tx, tenant: str, record: Record) -> date:
    """The first day of which a tenant's records of this kind are still kept.

    Of legal entities that were told to the version before this one, their clock is known and their country is not.
    """
    rows = await tx.rows(
        """SELECT DISTINCT coalesce(c.country, '') AS country
             FROM seller LEFT JOIN seller_country AS c USING (tenant, seller_id) WHERE tenant = %s""",
        [tenant],
    )
    return kept_from([row.country for row in rows], record, tx.at.date())
