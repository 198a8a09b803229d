"""Sellers, the copies of buyers, and contracts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from services.chassis import jobs
from services.chassis.columns import columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.pages import Page
from services.invoicing.domain.parties import Buyer, Company, Contract, Form, InvoiceOn, OtherRates, Seller
from services.invoicing.store.columns import Key, company_json, company_value

_SAID = (
    "iban bic series_prefix time_zone contact_name contact_phone contact_email account_number routing_number language "
    "holidays opens_at closes_at other_rates"
).split()
_SELLER = ("company", "logo", *_SAID)


async def save_seller(tx: Tx, seller: Seller) -> tuple[int, bool]:
    """Register a legal entity, or put its data right, and keep this version of it; which it is, and whether the first."""
    said = {name: str(getattr(seller, name)) for name in _SAID}
    row = await tx.row(
        f"""INSERT INTO seller (tenant, seller_id, version, {", ".join(_SELLER)})
           VALUES (%s, %s, 1, {", ".join(["%s"] * len(_SELLER))})
           ON CONFLICT (tenant, seller_id) DO UPDATE
             SET version = seller.version + 1, {", ".join(f"{name} = EXCLUDED.{name}" for name in _SELLER)}
           RETURNING version, xmax = 0 AS is_new""",  # noqa: S608 - constant columns
        [seller.tenant, seller.seller_id, company_json(seller.company), seller.logo, *said.values()],
    )
    await _keep_seller_version(tx, seller, row.version)
    return row.version, row.is_new


async def owner_of_prefix(tx: Tx, tenant: str, prefix: str) -> str | None:
    """Which seller numbers with this prefix."""
    row = await tx.row("SELECT seller_id FROM seller WHERE tenant = %s AND series_prefix = %s", [tenant, prefix])
    return row.seller_id if row else None


async def _keep_seller_version(tx: Tx, seller: Seller, version: int) -> None:
    said = {"company": company_value(seller.company)} | {name: str(getattr(seller, name)) for name in _SAID}
    await tx.run(
        """INSERT INTO seller_version (tenant, seller_id, version, valid_since, said, logo)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [seller.tenant, seller.seller_id, version, tx.at, Jsonb(said), seller.logo],
    )


async def find_untold(tx: Tx) -> int:
    """Have told whole the sellers and contracts that were set before there were versions; return how many."""
    word = Origin("", "system:upgrade", "told whole for the first time", "", new_traceparent())
    return await jobs.find(
        tx,
        word,
        """SELECT tenant, 'tell_whole', 'seller/' || seller_id, '', 1 FROM seller WHERE version = 0
           UNION ALL SELECT tenant, 'tell_whole', 'contract/' || account_id, '', 1 FROM contract WHERE version = 0""",
        [],
    )


async def begin_seller(tx: Tx, key: Key) -> Seller | None:
    """Make what is known of a seller its first version; None if it has one by now."""
    row = await tx.row(
        "UPDATE seller SET version = 1 WHERE version = 0 AND tenant = %s AND seller_id = %s RETURNING *", [*key]
    )
    if row is None:
        return None
    await _keep_seller_version(tx, seller := _seller(row), 1)
    return seller


async def begin_contract(tx: Tx, key: Key) -> Contract | None:
    """Make what is known of a contract its first version; None if it has one by now."""
    row = await tx.row(
        "UPDATE contract SET version = 1 WHERE version = 0 AND tenant = %s AND account_id = %s RETURNING *", [*key]
    )
    if row is None:
        return None
    await _keep_contract_version(tx, key, contract := _contract(row), 1)
    return contract


async def only_sellers(tx: Tx, tenants: Collection[str]) -> dict[str, str]:
    """The seller of each tenant that has one; empty of those that have several, nothing of those that have none."""
    rows = await tx.rows(
        """SELECT tenant, CASE count(*) WHEN 1 THEN min(seller_id) ELSE '' END AS seller_id
             FROM seller WHERE tenant = ANY (%s) GROUP BY tenant""",
        [sorted(tenants)],
    )
    return {row.tenant: row.seller_id for row in rows}


async def lock_sellers(tx: Tx, tenant: str) -> None:
    """Let nobody else register sellers of this tenant until the transaction ends."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('sellers/' || %s, 0))", [tenant])


async def sellers_of(tx: Tx, tenant: str) -> set[str]:
    """The ids of a tenant's sellers."""
    rows = await tx.rows("SELECT seller_id FROM seller WHERE tenant = %s", [tenant])
    return {row.seller_id for row in rows}


async def find_sellers(tx: Tx, of: Collection[Key]) -> dict[Key, Seller]:
    """These sellers."""
    rows = await tx.rows(
        "SELECT s.* FROM seller s JOIN unnest(%s::text[], %s::text[]) AS k (tenant, seller_id) USING (tenant, seller_id)",
        columns(sorted(of)),
    )
    return {(row.tenant, row.seller_id): _seller(row) for row in rows}


async def list_sellers(tx: Tx, tenant: str, page: Page) -> list[Seller]:
    """A tenant's sellers, by id."""
    rows = await tx.rows(
        f"""SELECT * FROM seller WHERE tenant = %s {"AND seller_id > %s" if page.after else ""}
             ORDER BY seller_id LIMIT {page.most}""",  # noqa: S608 - a number
        [tenant, *(page.after or ())],
    )
    return [_seller(row) for row in rows]


async def save_buyers(tx: Tx, buyers: Sequence[tuple[Buyer, int]]) -> None:
    """Keep the copies of these buyers, each with the sequence of what said so, unless they are known: each is told once.

    A sequence of 0 is of what has none.
    """
    last = {(buyer.tenant, buyer.account_id): (buyer, nth) for buyer, nth in buyers}
    await tx.run(
        """INSERT INTO buyer (tenant, account_id, company, currency, sequence)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[], %s::bigint[])
           ON CONFLICT (tenant, account_id) DO UPDATE SET company = EXCLUDED.company, currency = EXCLUDED.currency
           WHERE EXCLUDED.sequence = 0""",
        columns(
            [(*key, company_json(buyer.company), buyer.currency, nth) for key, (buyer, nth) in sorted(last.items())], 5
        ),
    )


async def change_companies(tx: Tx, companies: Mapping[Key, tuple[Company, int]]) -> set[Key]:
    """The same of what changed of them; return which buyers are known."""
    await tx.run(
        """UPDATE buyer b SET company = k.company, sequence = greatest(b.sequence, k.sequence)
             FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::bigint[]) AS k (tenant, account_id, company, sequence)
            WHERE b.tenant = k.tenant AND b.account_id = k.account_id
              AND (k.sequence = 0 OR k.sequence > b.sequence)""",
        columns([(*key, company_json(company), nth) for key, (company, nth) in sorted(companies.items())], 4),
    )
    return set(await find_buyers(tx, companies.keys()))


async def find_buyers(tx: Tx, of: Collection[Key]) -> dict[Key, Buyer]:
    """The copies of these buyers."""
    rows = await tx.rows(
        "SELECT * FROM buyer WHERE tenant = ANY (%s) AND account_id = ANY (%s)",
        within(of),
    )
    return {
        key: Buyer(*key, Company(**row.company), row.currency)
        for row in rows
        if (key := (row.tenant, row.account_id)) in of
    }


async def set_contract(tx: Tx, key: Key, contract: Contract) -> int:
    """What holds from now on with this buyer; which version it is."""
    said = _contract_said(contract)
    row = await tx.row(
        f"""INSERT INTO contract (tenant, account_id, version, {", ".join(said)})
           VALUES (%s, %s, 1, {", ".join(["%s"] * len(said))})
           ON CONFLICT (tenant, account_id) DO UPDATE
             SET version = contract.version + 1, {", ".join(f"{name} = EXCLUDED.{name}" for name in said)}
           RETURNING version""",  # noqa: S608 - constant columns
        [*key, *said.values()],
    )
    await _keep_contract_version(tx, key, contract, row.version)
    return int(row.version)


async def _keep_contract_version(tx: Tx, key: Key, contract: Contract, version: int) -> None:
    await tx.run(
        "INSERT INTO contract_version (tenant, account_id, version, valid_since, said) VALUES (%s, %s, %s, %s, %s)",
        [*key, version, tx.at, Jsonb(_contract_said(contract))],
    )


def _contract_said(contract: Contract) -> dict[str, str | int]:
    return {
        "net_days": contract.net_days,
        "invoice_on": contract.invoice_on.value,
        "buyer_reference": contract.buyer_reference,
        "profile": contract.form.profile,
        "format": contract.form.format,
        "language": contract.language,
    }


def _contract(row: Any) -> Contract:
    form = Form(row.profile, row.format)
    return Contract(row.net_days, InvoiceOn(row.invoice_on), row.buyer_reference, form, row.language)


async def find_contracts(tx: Tx, of: Collection[Key]) -> dict[Key, Contract]:
    """What was agreed with these buyers; nothing for those with whom nothing was."""
    rows = await tx.rows(
        "SELECT * FROM contract WHERE tenant = ANY (%s) AND account_id = ANY (%s)",
        within(of),
    )
    return {key: _contract(row) for row in rows if (key := (row.tenant, row.account_id)) in of}


def _seller(row: Any) -> Seller:
    said = {name: getattr(row, name) for name in _SAID} | {"other_rates": OtherRates(row.other_rates)}
    return Seller(row.tenant, row.seller_id, Company(**row.company), logo=bytes(row.logo), **said)
