"""Assets, what buyers have from the seller: the list, and one with its documents, cases and what was written."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2

from services.portal.asks import Unknown, together
from services.portal.domain import assets as rules
from services.portal.domain.people import CASES
from services.portal.pages.invoices import READS, Paper
from services.portal.pages.threads import seen, thread_of
from services.portal.web import PAGE, Ask, csv_of, get

_CSV_PAGES, _CSV_ROWS = 20, 500
_CASES = 100


@get("/assets", READS)
async def assets(ask: Ask) -> Response:
    """By serial number, a page at a time; ?q= searches by how it begins."""
    found = await ask.of.invoicing("ListAssets", _question(ask, PAGE, ask.query("after")))
    today = await ask.today()
    ages = {one.asset_id: _age(one, today) for one in found.assets}
    return ask.show("assets.html", assets=found.assets, ages=ages, next_token=found.next_page_token)


@get("/assets.csv", READS)
async def assets_csv(ask: Ask) -> Response:
    """The same as a file, of at most ten thousand rows."""
    rows, token = [], ""
    for _ in range(_CSV_PAGES):
        found = await ask.of.invoicing("ListAssets", _question(ask, _CSV_ROWS, token))
        rows += [
            [one.asset_id, one.serial_number, one.name, one.in_service_since, one.next_visit_on, one.scope.site]
            for one in found.assets
        ]
        token = found.next_page_token
        if not token:
            break
    say = ask.words.say
    head = [
        say("Asset"),
        say("Serial number"),
        say("What"),
        say("In service since"),
        say("Next visit"),
        say("Site"),
    ]
    return csv_of(head, rows, "assets.csv")


@get("/assets/{asset:path}", READS)
async def asset(ask: Ask) -> Response:
    """One of them; of what nobody has told of, the documents that name it."""
    if not (asset_id := ask.path("asset")):
        raise Unknown
    known = await _known(ask, asset_id)
    account = known.account_id if known else ask.account
    of = ask.of
    found = await together(
        orders=of.invoicing(
            "ListOrders",
            service_pb2.ListOrdersRequest(
                asset_id=asset_id, account_id=account, page_size=PAGE, page_token=ask.query("orders")
            ),
        ),
        papers=of.invoicing(
            "ListInvoices",
            service_pb2.ListInvoicesRequest(
                asset_id=asset_id, account_id=account, page_size=PAGE, page_token=ask.query("invoices")
            ),
        ),
    )
    listed = found.pop("papers")
    papers = [Paper.of(one) for one in listed.documents] if listed else []
    if known is None and found["orders"] is not None and not found["orders"].orders:
        raise Unknown
    invoices = [paper for paper in papers if not paper.is_credit]
    newest = invoices[0] if invoices and not ask.query("invoices") else None
    about = f"invoice/{newest.document_id}" if newest else ""
    of_it = await together(
        cases=_cases(ask, account, {paper.document_id: _lines(paper, asset_id) for paper in invoices}),
        thread=thread_of(of, about) if newest else _nothing(),
    )
    await seen(ask, about, of_it["thread"])
    return ask.show(
        "asset.html",
        asset_id=asset_id,
        known=known,
        age=_age(known, await ask.today()) if known else (),
        papers=None if listed is None else papers,
        papers_token=listed.next_page_token if listed else "",
        newest=newest,
        newest_lines=[line for line in newest.lines if line.asset_id == asset_id] if newest else [],
        about=about,
        may_contest=CASES.lets_in(ask.person),
        **found,
        **of_it,
    )


async def _known(ask: Ask, asset_id: str) -> Any:
    """What the seller has told of it; None where it has told nothing."""
    try:
        return (await ask.of.invoicing("GetAsset", service_pb2.GetAssetRequest(asset_id=asset_id))).asset
    except Unknown:
        return None


async def _cases(ask: Ask, account: str, lines: Mapping[str, Sequence[str]]) -> list[Any]:
    """The cases on these invoices that are about the asset, by its lines of each."""
    if not lines:
        return []
    request = disputes_pb2.ListDisputesRequest(account_id=account, invoice_ids=sorted(lines), page_size=_CASES)
    found = await ask.of.disputes("ListDisputes", request)
    return [
        case
        for case in reversed(found.disputes)
        if rules.is_about([line.line_id for line in case.lines], lines[case.invoice_id])
    ]


async def _nothing() -> bool:
    return False


def _lines(paper: Paper, asset_id: str) -> list[str]:
    return [line.line_id for line in paper.lines if line.asset_id == asset_id]


def _age(asset: Any, today: date) -> tuple[tuple[int, str], ...]:
    return rules.age(date.fromisoformat(asset.in_service_since), today) if asset.in_service_since else ()


def _question(ask: Ask, size: int, token: str) -> service_pb2.ListAssetsRequest:
    return service_pb2.ListAssetsRequest(
        account_id=ask.account, search=ask.query("q")[:100], page_size=size, page_token=token
    )
