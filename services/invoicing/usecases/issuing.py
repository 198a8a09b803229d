"""Drafts become documents: prepared outside any transaction, numbered last, written with their bytes, and announced.

A draft's life. Whoever moves it holds its row; `job` is its row in the chassis' table.

    (event)  -> TO PREPARE   ship, approve, credit: the row has no findings, and a job
    TO PREPARE -> ISSUED     the job: it broke no rule, and what it was made of has not changed; the row goes. Of a rebill
                             the credit note's row stands for both documents: they are numbered in one transaction
    TO PREPARE -> TO PREPARE the job: what it was made of changed meanwhile, or its judge died (then later)
    TO PREPARE -> HELD       the job: it broke a rule; the row has findings, and no job
    HELD -> TO PREPARE       a buyer, contract or seller put right, or a clerk's RetryHeld: a job is added
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.chassis import jobs, outbox, tracing
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.processes import Died
from services.chassis.workers import Batch, Done
from services.documents import ENGINE_FAILED, Finding, Severity
from services.invoicing import metrics, store, wire
from services.invoicing.checks import check_of, refused
from services.invoicing.domain.corrections import corrected
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.drafts import LARGE_LINES, ROUNDED, differences
from services.invoicing.domain.orders import KeptOrder, Shipment
from services.invoicing.domain.sketches import (
    Basis,
    CreditSketch,
    InvoiceSketch,
    Numbered,
    Prepared,
    RebillSketch,
    Sketch,
    first_of,
    linked,
    new_mark,
    numbered,
)
from services.invoicing.domain.statements import File, Held, Kept, Kind, Reference, Statement, Why
from services.invoicing.press import Press
from services.invoicing.usecases import rendering
from services.invoicing.usecases.desk import Desk, Key, issuers_of, open_desk
from services.kernel.money import Money
from services.kernel.refusals import Refusal

# Kinds of jobs. Those that were held are judged again beside the new ones, who need not wait for them.
DRAFT, LARGE, AGAIN = "draft", "draft_large", "draft_again"


async def to_invoice(tx: Tx, supplies: Sequence[tuple[Origin, KeptOrder, Shipment | None]]) -> None:
    """Have the invoices of these shipments, or of whole orders, prepared and issued."""
    drafts = [
        (
            origin,
            Held(
                tenant=kept.tenant,
                draft_id=new_id(),
                kind=Kind.INVOICE,
                account_id=kept.order.account_id,
                order_id=kept.order.order_id,
                shipment_id=shipment.shipment_id if shipment else "",
                dispute_id="",
                findings=(),
            ),
            len(shipment.quantities if shipment else kept.order.lines),
        )
        for origin, kept, shipment in supplies
    ]
    await _to_prepare(tx, drafts)


async def to_credit(tx: Tx, asked: Sequence[tuple[Origin, CreditRequest, Statement]]) -> None:
    """Have the credit notes that these disputes ask for on these invoices prepared and issued."""
    drafts = [
        (
            origin,
            Held(
                tenant=request.tenant,
                draft_id=new_id(),
                kind=Kind.CREDIT_NOTE,
                account_id=invoice.account_id,
                order_id=invoice.order_id,
                shipment_id="",
                dispute_id=request.dispute_id,
                findings=(),
            ),
            len(invoice.lines),
        )
        for origin, request, invoice in asked
    ]
    await _to_prepare(tx, drafts)


async def _to_prepare(tx: Tx, drafts: Sequence[tuple[Origin, Held, int]]) -> None:
    if not drafts:
        return
    await store.add_drafts(tx, [draft for _, draft, _ in drafts])
    await jobs.add(
        tx,
        [
            Job(LARGE if lines > LARGE_LINES else DRAFT, f"draft/{draft.draft_id}", origin, draft.account_id, lines)
            for origin, draft, lines in drafts
        ],
    )


@dataclass(slots=True)
class Table:
    """What a batch of drafts is made of, as it was read, and what came of preparing them."""

    sketches: dict[Key, Sketch] = field(default_factory=dict)
    # Those that cannot be drawn any more, or whose judge died.
    unfit: dict[Key, Finding] = field(default_factory=dict)
    prepared: dict[Key, Prepared] = field(default_factory=dict)
    # Further credit notes of an invoice.
    later: set[Key] = field(default_factory=set)
    # The corrected invoices that are issued with credit notes, by those: both, or neither.
    rebills: dict[Key, Key] = field(default_factory=dict)

    def parts(self, draft: Key) -> list[Key]:
        """The documents of a draft, in the order in which they are told."""
        return [self.rebills[draft], draft] if draft in self.rebills else [draft]


async def issue(batch: Batch, press: Press) -> None:
    """Prepare drafts, then issue those that break no rule and hold the others without a number (RULES: number last)."""
    async with batch.database.transaction({job.tenant for job in batch.jobs}) as tx:
        table = await _lay_out(tx, [_key(job) for job in batch.jobs])
    with tracing.together("write documents", [job.origin.traceparent for job in batch.jobs]):
        await _prepare(table, press)
    async with batch.finishing() as done:
        issued = await _finish(done, table)
    for document in issued:
        metrics.ISSUED.labels(document.statement.kind.name.lower(), document.statement.gross.currency).inc()


async def _lay_out(tx: Tx, keys: Sequence[Key]) -> Table:
    table = Table()
    waiting = (await store.find_drafts(tx, keys)).values()
    await _lay_out_invoices(tx, [held for held in waiting if held.kind is Kind.INVOICE], table)
    await _lay_out_credits(tx, [held for held in waiting if held.kind is Kind.CREDIT_NOTE], table)
    return table


async def _lay_out_invoices(tx: Tx, waiting: Sequence[Held], table: Table) -> None:
    if not waiting:
        return
    orders = await store.find_orders(tx, {held.order_key for held in waiting})
    shipments = await store.find_shipments(
        tx, {(held.tenant, held.order_id, held.shipment_id) for held in waiting if held.shipment_id}
    )
    desk = await open_desk(tx, {(held.tenant, held.account_id) for held in waiting}, issuers_of(orders.values()))
    for held in waiting:
        shipment = shipments[held.tenant, held.order_id, held.shipment_id] if held.shipment_id else None
        try:
            supply = desk.supply(orders[held.order_key], shipment)
        except Refusal as refusal:
            table.unfit[held.key] = refused(refusal)
            continue
        table.sketches[held.key] = InvoiceSketch(held.draft_id, supply, desk.basis_of_invoice(supply))


async def _lay_out_credits(tx: Tx, waiting: Sequence[Held], table: Table) -> None:
    if not waiting:
        return
    requests = await store.find_credit_requests(tx, {(held.tenant, held.dispute_id) for held in waiting})
    of = {(request.tenant, request.invoice_id) for request in requests.values()}
    invoices = await store.find_issued(tx, of)
    notes = await store.credit_notes_of(tx, of)
    desk = await _desk_of(tx, invoices.values())
    supplied = await _supplied(
        tx, [invoices[r.tenant, r.invoice_id].statement for r in requests.values() if r.why is Why.REBILL]
    )
    credited: set[Key] = set()
    for held in waiting:
        request = requests[held.tenant, held.dispute_id]
        kept = invoices[request.tenant, request.invoice_id]
        if kept.statement.key in credited:
            table.later.add(held.key)  # what is left of the invoice is known when the one before it is issued
            continue
        credited.add(kept.statement.key)
        note = CreditSketch(
            draft_id=held.draft_id,
            request=request,
            invoice=kept.statement,
            earlier=tuple(notes[kept.statement.key]),
            basis=desk.basis_of_credit(kept.statement, kept.credited),
        )
        if request.why is not Why.REBILL:
            table.sketches[held.key] = note
            continue
        try:
            rebill = _rebill(desk, note, *supplied[kept.statement.key])
        except Refusal as refusal:
            table.unfit[held.key] = refused(refusal)
            continue
        key = (held.tenant, rebill.draft_id)
        table.rebills[held.key] = key
        table.sketches[key] = rebill
        table.sketches[held.key] = replace(
            note,
            mark=rebill.note_mark,
            rebilled_by=Reference(rebill.draft_id, "", rebill.basis.issue_date),
        )


async def _supplied(tx: Tx, invoices: Sequence[Statement]) -> dict[Key, tuple[KeptOrder, Shipment | None]]:
    """What these invoices were of."""
    if not invoices:
        return {}
    orders = await store.find_orders(tx, {said.order_key for said in invoices})
    shipments = await store.find_shipments(
        tx, {(*said.order_key, said.shipment_id) for said in invoices if said.shipment_id}
    )
    return {
        said.key: (orders[said.order_key], shipments[(*said.order_key, said.shipment_id)] if said.shipment_id else None)
        for said in invoices
    }


def _rebill(desk: Desk, note: CreditSketch, order: KeptOrder, shipment: Shipment | None) -> RebillSketch:
    """The corrected invoice that is issued with a credit note."""
    invoice, request = note.invoice, note.request
    assert request.correction is not None, "a rebill says what is right"
    supply = corrected(desk.supply(order, shipment), invoice, request.correction)
    return RebillSketch(
        draft_id=new_id(),
        supply=supply,
        basis=desk.basis_of_invoice(supply),
        corrects=Reference(invoice.document_id, invoice.number, invoice.issue_date),
        note=Reference(note.draft_id, "", note.basis.issue_date),
        note_mark=new_mark(),
        dispute_id=request.dispute_id,
    )


async def _desk_of(tx: Tx, invoices: Collection[Kept]) -> Desk:
    said = [kept.statement for kept in invoices]
    return await open_desk(
        tx, {(one.tenant, one.account_id) for one in said}, {(one.tenant, one.seller_id) for one in said}
    )


async def _prepare(table: Table, press: Press) -> None:
    """Have the drafts drawn, written and judged; a judge that dies over one alone says so, instead of a verdict."""
    try:
        done = await press.prepare(list(table.sketches.values()))
    except Died as died:
        if len(table.sketches) - len(table.rebills) > 1:
            raise  # one of them, to be found by halves
        *_, key = table.sketches  # of a rebill the credit note, whose draft it is
        table.unfit[key] = Finding(ENGINE_FAILED, Severity.FATAL, f"the judge died over this document: {died}", "/")
        return
    for key, one in zip(table.sketches, done, strict=True):
        if isinstance(one, Finding):
            table.unfit[key] = one
        else:
            table.prepared[key] = one


async def _finish(done: Done, table: Table) -> list[Numbered]:
    """Number, keep and announce what passed, if all that it was made of is still so; hold the rest."""
    if not done.jobs:
        return []
    tx, origins = done.tx, {_key(job): job.origin for job in done.jobs}
    complete, price_corrections = await store.lock_complete(
        tx, {(key[0], sketch.supply.order.order_id) for key, sketch in _invoices(table, origins)}
    )
    waiting = await store.find_drafts(tx, origins.keys(), lock=True)
    bases = await _bases(tx, table, [part for key in waiting for part in table.parts(key)], price_corrections)
    fit: list[Prepared] = []
    broken: list[Held] = []
    for job in done.jobs:
        key = _key(job)
        if key not in waiting:
            continue  # issued meanwhile, by the version before this one or at a clerk's wish
        parts = table.parts(key)
        if key in table.later:
            done.again(job, why="another credit note of its invoice comes first")
        elif any(part in table.sketches and table.sketches[part].basis != bases[part] for part in parts):
            done.again(job, why="what it is made of changed meanwhile")
        elif all(part in table.prepared and not table.prepared[part].findings for part in parts):
            fit += [table.prepared[part] for part in parts]
            origins |= dict.fromkeys(parts, job.origin)
        else:
            broken.append(replace(waiting[key], findings=_findings(table, parts)))
    await _hold(done, broken, waiting, origins)
    issued = await _issue(tx, fit, complete, origins)
    await _tell_differences(tx, [one.statement for one in issued if one.statement.final], table, origins)
    return issued


def _findings(table: Table, parts: Sequence[Key]) -> tuple[Finding, ...]:
    """What is wrong with a draft: of a rebill with either of its documents."""
    unfit = tuple(table.unfit[part] for part in parts if part in table.unfit)
    return unfit + tuple(
        finding for part in parts if part in table.prepared for finding in table.prepared[part].findings
    )


def _invoices(table: Table, keys: Collection[Key]) -> list[tuple[Key, InvoiceSketch]]:
    found = ((key, sketch) for key, sketch in table.sketches.items() if key in keys)
    return [(key, sketch) for key, sketch in found if isinstance(sketch, InvoiceSketch)]


async def _bases(tx: Tx, table: Table, keys: Collection[Key], price_corrections: Mapping[Key, int]) -> dict[Key, Basis]:
    """What these drafts would be made of now; their invoices, if they credit, are locked."""
    sketches = {key: sketch for key, sketch in table.sketches.items() if key in keys}
    invoices = {key: sketch for key, sketch in sketches.items() if isinstance(sketch, (InvoiceSketch, RebillSketch))}
    notes = {key: sketch for key, sketch in sketches.items() if isinstance(sketch, CreditSketch)}
    credited = await store.lock_balances(tx, {sketch.invoice.key for sketch in notes.values()}) if notes else {}
    desk = await open_desk(
        tx,
        {(key[0], sketch.supply.order.account_id) for key, sketch in invoices.items()}
        | {(sketch.invoice.tenant, sketch.invoice.account_id) for sketch in notes.values()},
        {(sketch.invoice.tenant, sketch.invoice.seller_id) for sketch in notes.values()}
        | {(key[0], sketch.supply.seller.seller_id) for key, sketch in invoices.items()},
    )
    return {key: _basis_now(desk, key, sketch, price_corrections) for key, sketch in invoices.items()} | {
        key: desk.basis_of_credit(sketch.invoice, replace(sketch.invoice.gross, minor=credited[sketch.invoice.key]))
        for key, sketch in notes.items()
    }


def _basis_now(
    desk: Desk, key: Key, sketch: InvoiceSketch | RebillSketch, price_corrections: Mapping[Key, int]
) -> Basis:
    """What an invoice would be made of now; a corrected one has the prices of the one in whose place it stands."""
    basis = desk.basis_of_invoice(sketch.supply)
    if isinstance(sketch, RebillSketch):
        return basis
    return replace(basis, price_corrections=price_corrections[key[0], sketch.supply.order.order_id])


async def _hold(done: Done, broken: Sequence[Held], before: Mapping[Key, Held], origins: Mapping[Key, Origin]) -> None:
    """Hold drafts and tell what they break, once; those whose judge died are judged again, ever later."""
    if not broken:
        return
    later = await store.keep_findings(done.tx, broken)
    for job in done.jobs:
        if (in_s := later.get(_key(job))) is not None:
            done.again(job, in_s=in_s, why="its judge died")
    changed = [held for held in broken if before[held.key].findings != held.findings]
    await outbox.add(
        done.tx,
        [
            Announcement(origins[held.key], held.account_id, f"draft/{held.draft_id}", wire.document_held(held))
            for held in changed
        ],
    )


async def _issue(
    tx: Tx, fit: Sequence[Prepared], complete: Collection[Key], origins: Mapping[Key, Origin]
) -> list[Numbered]:
    if not fit:
        return []
    await store.release(tx, [one.statement.key for one in fit])
    last = await _last_of_orders(tx, [one.statement for one in fit], complete)
    next_of = await store.take_numbers(tx, first_of(fit))
    issued = []
    for one in fit:
        issued.append(numbered(one, next_of[one.series], final=one.statement.document_id in last))
        next_of[one.series] += 1
    issued = linked(fit, issued)
    files = [
        File(check_of(one.statement.form, one.statement.form.syntax, one.xml, one.rule_set), one.xml) for one in issued
    ]
    await _keep(tx, issued, files)
    told = [(origins[one.statement.key], one.statement, file) for one, file in zip(issued, files, strict=True)]
    await jobs.add(tx, [rendering.file_job(origin, said) for origin, said, _ in told if rendering.is_slow(said)])
    await outbox.add(
        tx,
        [_tell_issued(*one) for one in told] + [rendering.tell(*one) for one in told if not rendering.is_slow(one[1])],
    )
    return issued


async def _keep(tx: Tx, issued: Sequence[Numbered], files: Sequence[File]) -> None:
    await store.add_issued(tx, [(one.statement, one.series, one.nth) for one in issued])
    keys = [one.statement.key for one in issued]
    await store.add_documents(tx, list(zip(keys, files, strict=True)))
    await store.add_papers(tx, [(one.statement.key, one.paper) for one in issued])
    if invoices := [one.statement for one in issued if one.statement.kind is Kind.INVOICE]:
        await store.add_balances(tx, invoices)
    if notes := [one.statement for one in issued if one.statement.kind is Kind.CREDIT_NOTE]:
        await store.credit_balances(tx, notes)


async def _last_of_orders(tx: Tx, issued: Sequence[Statement], complete: Collection[Key]) -> set[str]:
    """Those after which no further invoice of their order follows: it is complete, and no other draft of it waits."""
    newest = {
        said.order_key: said.document_id for said in issued if said.kind is Kind.INVOICE and said.corrects is None
    }
    ending = {order_key: document_id for order_key, document_id in newest.items() if order_key in complete}
    held = await store.count_held(tx, ending) if ending else {}
    return {document_id for order_key, document_id in ending.items() if order_key not in held}


async def _tell_differences(tx: Tx, last: Sequence[Statement], table: Table, origins: Mapping[Key, Origin]) -> None:
    """Tell of orders, now that they are invoiced in all, that were not invoiced as they were ordered."""
    supplies = {key: sketch.supply for key, sketch in _invoices(table, [said.key for said in last])}
    findings = {key: differences(supply) for key, supply in supplies.items()}
    asked = {key: supply.order.gross for key, supply in supplies.items()}
    # At corrected prices it is meant to come to something else.
    as_meant = {key for key, supply in supplies.items() if supply.price_corrections}
    doubtful = [
        said for said in last if findings[said.key] or (said.gross != asked[said.key] and said.key not in as_meant)
    ]
    if not doubtful:
        return
    invoiced = await store.invoiced_of(tx, {said.order_key for said in doubtful})
    told = []
    for said in doubtful:
        minor, is_whole = invoiced[said.order_key]
        if findings[said.key] or (is_whole and minor != asked[said.key].minor and said.key not in as_meant):
            in_all = Money(minor, said.gross.currency)
            message = wire.invoice_differs(said, asked[said.key], in_all, findings[said.key] or (ROUNDED,))
            told.append(Announcement(origins[said.key], said.account_id, f"order/{said.order_id}", message))
    await outbox.add(tx, told)


def _key(job: Job) -> Key:
    return (job.tenant, job.subject.removeprefix("draft/"))


def _tell_issued(origin: Origin, statement: Statement, file: File) -> Announcement:
    check, xml = file.check, file.content if rendering.is_slow(statement) else b""
    if statement.kind is Kind.INVOICE:
        subject, body = f"invoice/{statement.document_id}", wire.invoice_issued(statement, check, xml)
        return Announcement(origin, statement.account_id, subject, body)
    note = wire.credit_note_issued(statement, check, xml)
    return Announcement(origin, statement.account_id, f"invoice/{statement.invoice_id}", note)
