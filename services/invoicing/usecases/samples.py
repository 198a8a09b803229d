"""A sample invoice in the format agreed with a buyer: judged as a real one is, never numbered, kept or told."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.documents import Finding
from services.documents.words import Words
from services.invoicing import store
from services.invoicing.checks import check_of
from services.invoicing.domain.drafts import Supply
from services.invoicing.domain.parties import NO_CONTRACT, PDF, Buyer, Contract, Look, Seller, language_between
from services.invoicing.domain.sketches import SAMPLE, Basis, SampleSketch, sampled
from services.invoicing.domain.statements import File, Statement
from services.invoicing.domain.tax import Deal, rate_for
from services.invoicing.press import Press
from services.kernel.calendars import day_in
from services.kernel.money import Money
from services.kernel.orders import LineKind, Order, OrderLine, Scope
from services.kernel.refusals import Conflict, NotFound, quoted

_PRICE = Decimal(100)
_CLASS = "STANDARD"


async def sample(
    serve: Callable[[], AbstractAsyncContextManager[Tx]], press: Press, tenant: str, account_id: str
) -> tuple[Statement, File]:
    """What the seller's first legal entity would write for this buyer today; it is drawn outside any transaction."""
    key = (tenant, account_id)
    async with serve() as tx:
        if (buyer := (await store.find_buyers(tx, [key])).get(key)) is None:
            raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
        if not (sellers := await store.list_sellers(tx, tenant, Page(1))):
            raise Conflict("sample.no_seller", "no legal entity is registered that could write an invoice")
        [seller], at = sellers, tx.at
        contract = (await store.find_contracts(tx, [key])).get(key, NO_CONTRACT)
    today = day_in(seller.time_zone, at)
    sketch = SampleSketch(_supply(seller, buyer, contract, today), Basis(seller, buyer, contract, today))
    [prepared] = await press.prepare([sketch])
    findings = (prepared,) if isinstance(prepared, Finding) else prepared.findings
    if isinstance(prepared, Finding) or findings:
        rules = "; ".join(f"{finding.rule}: {finding.message}" for finding in findings[:5])
        raise Conflict(
            "document.profile_not_met", f"a document for this buyer does not meet its profile: {rules}"[:2000]
        )
    xml, paper = sampled(prepared)
    form, said = prepared.statement.form, replace(prepared.statement, number=SAMPLE)
    if form.format == PDF:
        [xml] = await press.lay_out([(paper, store.PAPER, form, Look(seller.logo, said.language))])
    return said, File(check_of(form, form.format, xml, prepared.rule_set), xml)


def _supply(seller: Seller, buyer: Buyer, contract: Contract, today: date) -> Supply:
    """One thing at a round price, at the rate of the tables."""
    net = Money.of(_PRICE, buyer.currency)
    words = Words(language_between(seller, contract))
    line = OrderLine("1", SAMPLE, words["sample_item"], Decimal(1), "C62", _PRICE, net, _CLASS)
    order = Order(
        order_id=SAMPLE,
        version=1,
        account_id=buyer.account_id,
        placed_on=today,
        promised_ship_on=today,
        lines=(line,),
        net=net,
        tax=Money(0, buyer.currency),
        gross=net,
        scope=Scope(),
    )
    supply = Supply(seller, buyer, contract, order, "", [(line, line.quantity)], today)
    taxed = replace(line, vat_rate=_rate(supply.deal))
    return replace(supply, order=replace(order, lines=(taxed,)), quantities=[(taxed, taxed.quantity)])


def _rate(deal: Deal) -> Decimal | None:
    return rate_for(deal, _CLASS, LineKind.GOODS).rate
