"""One order is one trace: from the shop's event through every service to the mail that somebody gets."""

import secrets

from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.demo.shop import headers_of
from tests.end_to_end.world import Trader, World
from tests.receiver import Receiver, Seen


def _place(world: World, trader: Trader, order_id: str, *, traceparent: str) -> None:
    """As a shop that records its own part of the trace."""
    placed = trader.place(order_id, "100", told=False)
    kind = orders_pb2.OrderPlaced.DESCRIPTOR.full_name
    headers = headers_of(kind, trader.tenant, order_id, at=world.at, ce_id=f"{trader.tenant}-{order_id}")
    world.stage.shop.send(
        trader.tenant, placed.account_id, placed.SerializeToString(), headers | {"traceparent": traceparent}
    )
    world.settle()


def _way(spans: list[Seen], last: Seen) -> list[tuple[str, str]]:
    """From the beginning of the trace to this span, by its parents: services and names."""
    by_id = {span.id: span for span in spans}
    way = [last]
    while (before := by_id.get(way[0].parent)) is not None:
        way.insert(0, before)
    return [(span.service.removeprefix("receivables-"), span.name) for span in way]


def test_one_order_is_one_trace_from_the_shop_s_event_to_the_mail(
    world: World, trader: Trader, traces: Receiver
) -> None:
    trader.buyer(invoice_on="APPROVAL")
    address = trader.person("kim", "AP_CLERK", "b1", wants_document=True)
    trace, shop = secrets.token_hex(16), secrets.token_hex(8)

    _place(world, trader, "o1", traceparent=f"00-{trace}-{shop}-01")
    [invoice] = trader.invoices("o1")
    assert len(trader.mails(address)) == 1
    traces.await_span(trace, "receivables-credit", "process receivables.ledger.v1")
    traces.await_span(trace, "receivables-notifications", "send receivables.notifications.v1")

    spans = traces.of(trace)
    [mail] = [span for span in spans if span.name == "send mail"]
    to_the_letter = [
        ("credit", "process receivables.orders.v1"),
        ("credit", "send receivables.credit.v1"),
        ("invoicing", "process receivables.credit.v1"),
        ("invoicing", "job draft"),
        ("invoicing", "send receivables.invoicing.v1"),
        ("notifications", "process receivables.invoicing.v1"),
        ("notifications", "job letter"),
        ("notifications", "send mail"),
    ]
    assert _way(spans, mail) == to_the_letter
    assert mail.attributes == {"receivables.mail": "taken"}
    [rendered] = [span for span in spans if span.kind == "server"]
    assert _way(spans, rendered) == [
        *to_the_letter,
        ("notifications", "receivables.invoicing.v1.InvoicingService/RenderDocument"),
        ("invoicing", "receivables.invoicing.v1.InvoicingService/RenderDocument"),
    ]
    posted = [_way(spans, span) for span in spans if span.service == "receivables-ledger" and span.kind == "consumer"]
    assert [*to_the_letter[:5], ("ledger", "process receivables.invoicing.v1")] in posted
    used = next(s for s in spans if (s.service, s.name) == ("receivables-credit", "process receivables.ledger.v1"))
    assert [step for step in _way(spans, used) if step[0] == "ledger"] == [
        ("ledger", "process receivables.invoicing.v1"),
        ("ledger", "send receivables.ledger.v1"),
    ]
    written = [_way(spans, span) for span in spans if span.name == "write documents"]
    assert written == [[*to_the_letter[:4], ("invoicing", "write documents")]]

    known = {span.id for span in spans}
    assert [span for span in spans if span.parent not in known | {shop}] == []
    assert all(span.ended >= span.began and not span.failed for span in spans)
    said = str([span.whole for span in spans])
    assert [word for word in (trader.tenant, "kim", address, trader.name, invoice.number) if word in said] == []


def test_what_the_shop_does_not_record_nobody_records(world: World, trader: Trader, traces: Receiver) -> None:
    trader.buyer(invoice_on="APPROVAL")
    unseen, seen = secrets.token_hex(16), secrets.token_hex(16)

    _place(world, trader, "o1", traceparent=f"00-{unseen}-{secrets.token_hex(8)}-00")
    _place(world, trader, "o2", traceparent=f"00-{seen}-{secrets.token_hex(8)}-01")
    traces.await_span(seen, "receivables-credit", "process receivables.ledger.v1")

    assert traces.of(unseen) == []
    assert len(trader.invoices("o1")) == len(trader.invoices("o2")) == 1
