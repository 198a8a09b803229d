"""Drafts become documents: checked first, numbered last, written with their bytes, and announced."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.invoicing import metrics, store, wire
from services.invoicing.checks import JUDGE, Verdict, check_of
from services.invoicing.documents import Finding
from services.invoicing.domain.drafts import Draft, numbered
from services.invoicing.domain.orders import KeptOrder
from services.invoicing.domain.statements import Check, File, Held, Kind, Statement
from services.invoicing.usecases import rendering

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pending:
    """A draft to issue, and on whose word."""

    origin: Origin
    draft: Draft


@dataclass(slots=True)
class Outcome:
    """What became of drafts: numbers issued, and those that are held."""

    issued: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


async def issue(
    tx: Tx,
    pending: Sequence[Pending],
    orders: Mapping[Key, KeptOrder],
    waiting: Mapping[str, tuple[Finding, ...]] | None = None,
) -> Outcome:
    """Issue the drafts that break no rule, hold the others without a number (B7).

    The orders of invoices are locked by the caller. `waiting` are the findings of drafts that were held before:
    they are told again only if they changed.
    """
    if not pending:
        return Outcome()
    waiting = waiting or {}
    verdicts = await JUDGE.judge([one.draft for one in pending])
    passed = [(one, verdict) for one, verdict in zip(pending, verdicts, strict=True) if not verdict.findings]
    failed = [(one, _held(one, verdict)) for one, verdict in zip(pending, verdicts, strict=True) if verdict.findings]
    telling = [_tell_held(one.origin, held) for one, held in failed if waiting.get(held.draft_id) != held.findings]
    if failed:
        await store.hold(tx, [held for _, held in failed])
    issued = await _issue_passed(tx, passed, orders, waiting)
    telling += [_tell_issued(origin, statement, file.check) for origin, statement, file in issued]
    telling += [rendering.tell(*one) for one in issued if not rendering.is_slow(one[1])]
    await outbox.add(tx, telling)
    for _, statement, _ in issued:
        metrics.ISSUED.labels(statement.kind.name.lower(), statement.gross.currency).inc()
    return Outcome([statement.number for _, statement, _ in issued], [held for _, held in failed])


async def _issue_passed(
    tx: Tx,
    passed: Sequence[tuple[Pending, Verdict]],
    orders: Mapping[Key, KeptOrder],
    waiting: Collection[str],
) -> list[tuple[Origin, Statement, File]]:
    if not passed:
        return []
    released = [one.draft.statement.key for one, _ in passed if one.draft.statement.document_id in waiting]
    if released:
        await store.release(tx, released)
    last = await _last_of_orders(tx, [one.draft for one, _ in passed], orders)
    drafts, places = await _number(tx, [one.draft for one, _ in passed], last)
    written = await JUDGE.write(drafts)
    statements = [draft.statement for draft in drafts]
    checks = [
        check_of(draft.statement.form, xml, verdict)
        for draft, (xml, _), (_, verdict) in zip(drafts, written, passed, strict=True)
    ]
    files = [File(check, xml) for check, (xml, _) in zip(checks, written, strict=True)]
    await store.add_issued(
        tx, [(draft.statement, draft.series, nth) for draft, nth in zip(drafts, places, strict=True)]
    )
    keys = [said.key for said in statements]
    await store.add_documents(tx, list(zip(keys, files, strict=True)))
    await store.add_papers(tx, [(key, paper) for key, (_, paper) in zip(keys, written, strict=True)])
    if invoices := [said for said in statements if said.kind is Kind.INVOICE]:
        await store.add_balances(tx, invoices)
    if notes := [said for said in statements if said.kind is Kind.CREDIT_NOTE]:
        await store.credit_balances(tx, notes)
    issued = [(one.origin, said, file) for (one, _), said, file in zip(passed, statements, files, strict=True)]
    if slow := {said.key: origin for origin, said, _ in issued if rendering.is_slow(said)}:
        await store.add_unwritten(tx, slow)
    return issued


async def _number(tx: Tx, drafts: Sequence[Draft], last: Collection[str]) -> tuple[list[Draft], list[int]]:
    """Number the drafts in their order, each series locked once; return their places in their series too."""
    counts = Counter(draft.series for draft in drafts)
    days = {draft.series: draft.statement.issue_date for draft in drafts}
    next_of = await store.take_numbers(tx, {series: (n, days[series]) for series, n in counts.items()})
    places = []
    for draft in drafts:
        places.append(next_of[draft.series])
        next_of[draft.series] += 1
    return [
        numbered(draft, nth, final=draft.statement.document_id in last)
        for draft, nth in zip(drafts, places, strict=True)
    ], places


async def _last_of_orders(tx: Tx, drafts: Sequence[Draft], orders: Mapping[Key, KeptOrder]) -> set[str]:
    """The drafts after which no further invoice of their order follows: it is complete, and no other one waits."""
    invoices = [draft.statement for draft in drafts if draft.statement.kind is Kind.INVOICE]
    newest = {said.order_key: said.document_id for said in invoices if orders[said.order_key].is_complete}
    held = await store.count_held(tx, newest) if newest else {}
    return {document_id for order_key, document_id in newest.items() if order_key not in held}


def _held(one: Pending, verdict: Verdict) -> Held:
    said = one.draft.statement
    return Held(
        tenant=said.tenant,
        draft_id=said.document_id,
        kind=said.kind,
        account_id=said.account_id,
        order_id=said.order_id,
        shipment_id=said.shipment_id,
        dispute_id=said.dispute_id,
        findings=verdict.findings,
    )


def _tell_held(origin: Origin, held: Held) -> Announcement:
    return Announcement(origin, held.account_id, f"draft/{held.draft_id}", wire.document_held(held))


def _tell_issued(origin: Origin, statement: Statement, check: Check) -> Announcement:
    if statement.kind is Kind.INVOICE:
        subject, body = f"invoice/{statement.document_id}", wire.invoice_issued(statement, check)
        return Announcement(origin, statement.account_id, subject, body)
    note = wire.credit_note_issued(statement, check)
    return Announcement(origin, statement.account_id, f"invoice/{statement.invoice_id}", note)
