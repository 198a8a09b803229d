"""Sellers, the copies of buyers, and contracts."""

from collections.abc import Collection, Sequence
from typing import Any

from services.chassis.columns import columns, within
from services.chassis.database import Tx
from services.invoicing.domain.parties import Buyer, Company, Contract, Form, InvoiceOn, OtherRates, Seller
from services.invoicing.store.columns import Key, company_json


async def save_seller(tx: Tx, seller: Seller) -> None:
    """Register a legal entity, or put its data right; its place among the tenant's stays."""
    await tx.run(
        """INSERT INTO seller (tenant, seller_id, company, iban, bic, series_prefix, time_zone,
                               contact_name, contact_phone, contact_email, logo)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, seller_id) DO UPDATE
             SET company = EXCLUDED.company, iban = EXCLUDED.iban, bic = EXCLUDED.bic,
                 series_prefix = EXCLUDED.series_prefix, time_zone = EXCLUDED.time_zone,
                 contact_name = EXCLUDED.contact_name, contact_phone = EXCLUDED.contact_phone,
                 contact_email = EXCLUDED.contact_email, logo = EXCLUDED.logo""",
        [
            seller.tenant,
            seller.seller_id,
            company_json(seller.company),
            seller.iban,
            seller.bic,
            seller.series_prefix,
            seller.time_zone,
            seller.contact_name,
            seller.contact_phone,
            seller.contact_email,
            seller.logo,
        ],
    )


async def owner_of_prefix(tx: Tx, tenant: str, prefix: str) -> str | None:
    """Which seller numbers with this prefix."""
    row = await tx.row("SELECT seller_id FROM seller WHERE tenant = %s AND series_prefix = %s", [tenant, prefix])
    return row.seller_id if row else None


async def default_sellers(tx: Tx, tenants: Collection[str]) -> dict[str, Seller]:
    """Each tenant's issuer: the seller that was registered first."""
    rows = await tx.rows(
        "SELECT DISTINCT ON (tenant) * FROM seller WHERE tenant = ANY(%s) ORDER BY tenant, position", [sorted(tenants)]
    )
    return {row.tenant: _seller(row) for row in rows}


async def find_sellers(tx: Tx, of: Collection[Key]) -> dict[Key, Seller]:
    """These sellers."""
    rows = await tx.rows(
        "SELECT s.* FROM seller s JOIN unnest(%s::text[], %s::text[]) AS k (tenant, seller_id) USING (tenant, seller_id)",
        columns(sorted(of)),
    )
    return {(row.tenant, row.seller_id): _seller(row) for row in rows}


async def save_buyers(tx: Tx, buyers: Sequence[Buyer]) -> None:
    """Keep the copies of these buyers, the last word on each."""
    last = {(buyer.tenant, buyer.account_id): buyer for buyer in buyers}
    await tx.run(
        """INSERT INTO buyer (tenant, account_id, company, currency)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[])
           ON CONFLICT (tenant, account_id) DO UPDATE SET company = EXCLUDED.company, currency = EXCLUDED.currency""",
        columns([(*key, company_json(buyer.company), buyer.currency) for key, buyer in sorted(last.items())], 4),
    )


async def change_companies(tx: Tx, companies: dict[Key, Company]) -> set[Key]:
    """Replace the data of these companies; return which buyers are known."""
    rows = await tx.rows(
        """UPDATE buyer b SET company = k.company
             FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS k (tenant, account_id, company)
            WHERE b.tenant = k.tenant AND b.account_id = k.account_id
           RETURNING b.tenant, b.account_id""",
        columns([(*key, company_json(company)) for key, company in sorted(companies.items())], 3),
    )
    return {(row.tenant, row.account_id) for row in rows}


async def find_buyers(tx: Tx, of: Collection[Key]) -> dict[Key, Buyer]:
    """The copies of these buyers."""
    rows = await tx.rows(
        "SELECT * FROM buyer WHERE tenant = ANY (%s) AND account_id = ANY (%s)",
        within(of),
    )
    return {
        (row.tenant, row.account_id): Buyer(row.tenant, row.account_id, Company(**row.company), row.currency)
        for row in rows
    }


async def set_contract(tx: Tx, key: Key, contract: Contract) -> None:
    """What holds from now on with this buyer."""
    await tx.run(
        """INSERT INTO contract (tenant, account_id, net_days, invoice_on, buyer_reference, profile, format)
           VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, account_id) DO UPDATE
             SET net_days = EXCLUDED.net_days, invoice_on = EXCLUDED.invoice_on,
                 buyer_reference = EXCLUDED.buyer_reference, profile = EXCLUDED.profile, format = EXCLUDED.format""",
        [
            *key,
            contract.net_days,
            contract.invoice_on.value,
            contract.buyer_reference,
            contract.form.profile,
            contract.form.format,
        ],
    )


async def find_contracts(tx: Tx, of: Collection[Key]) -> dict[Key, Contract]:
    """What was agreed with these buyers; nothing for those with whom nothing was."""
    rows = await tx.rows(
        "SELECT * FROM contract WHERE tenant = ANY (%s) AND account_id = ANY (%s)",
        within(of),
    )
    return {
        (row.tenant, row.account_id): Contract(
            row.net_days, InvoiceOn(row.invoice_on), row.buyer_reference, Form(row.profile, row.format)
        )
        for row in rows
    }


def _seller(row: Any) -> Seller:
    return Seller(
        tenant=row.tenant,
        seller_id=row.seller_id,
        company=Company(**row.company),
        iban=row.iban,
        bic=row.bic,
        series_prefix=row.series_prefix,
        time_zone=row.time_zone,
        contact_name=row.contact_name,
        contact_phone=row.contact_phone,
        contact_email=row.contact_email,
        logo=bytes(row.logo),
        account_number=row.account_number,
        routing_number=row.routing_number,
        other_rates=OtherRates(row.other_rates),
    )
