"""Accounts that share a limit at the seller's desk: companies, groups and programmes, and what is part of each."""

from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import exposure_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, Unknown
from services.portal.domain.people import Guard
from services.portal.pages.desk_lines import DECIDES, ENDS, READS, beside, money, why
from services.portal.web import PAGE, Ask, get, post

REGISTERS = Guard(ENDS.roles)
KINDS = ("PARENT", "GROUP", "PROGRAMME")


@get("/desk/nodes", READS)
async def nodes(ask: Ask) -> Response:
    """Those that are part of nothing, by name."""
    return ask.show("desk_nodes.html", found=await _tree(ask, ""))


async def _tree(ask: Ask, node_id: str) -> Any:
    request = exposure_pb2.GetTreeRequest(node_id=node_id, page_size=PAGE, page_token=ask.query("after"))
    return await ask.of.exposure("GetTree", request)


@get("/desk/nodes/{node}", READS)
async def node(ask: Ask) -> Response:
    """One, what it is part of, and what is part of it."""
    found = await _tree(ask, ask.path("node"))
    return ask.show("desk_node.html", found=found, node=found.path[-1])


@get("/desk/nodes/{node}/limit", DECIDES)
async def new_limit(ask: Ask) -> Response:
    """A form for another limit."""
    return await _show_limit(ask)


async def _show_limit(ask: Ask, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    found = await ask.of.exposure("GetTree", exposure_pb2.GetTreeRequest(node_id=ask.path("node"), page_size=1))
    return ask.show("desk_node_limit.html", status, node=found.path[-1], typed=ask.typed, errors=errors or {})


@post("/desk/nodes/{node}/limit", DECIDES)
async def set_limit(ask: Ask) -> Response:
    """Give it another limit, which may be below what is used: then its accounts' new orders are declined."""
    found = await ask.of.exposure("GetTree", exposure_pb2.GetTreeRequest(node_id=ask.path("node"), page_size=1))
    try:
        limit = money(ask, "limit", found.path[-1].limit.currency)
        request = exposure_pb2.SetNodeLimitRequest(node_id=ask.path("node"), limit=limit)
        await ask.of.exposure("SetNodeLimit", request, ask.write(why(ask)))
    except (Refused, Invalid) as refused:
        return await _show_limit(ask, 422, beside(ask, refused, "limit"))
    return ask.go(f"/desk/nodes/{quote(ask.path('node'))}")


@get("/desk/register/node", REGISTERS)
async def new_node(ask: Ask) -> Response:
    """A form for another; ?parent= names what it will be part of."""
    return ask.show("desk_node_new.html", kinds=KINDS, typed=ask.query)


@post("/desk/register/node", REGISTERS)
async def add_node(ask: Ask) -> Response:
    """Register it; accounts become part of it on their own pages."""
    node_id, errors = ask.typed("node"), {}
    try:
        if (kind := ask.typed("kind")) not in KINDS:
            raise Invalid("form.no_choice", ask.words.say("Choose what it is."))
        request = exposure_pb2.RegisterNodeRequest(
            node_id=node_id,
            kind=credit_events.NodeKind.Value(f"NODE_KIND_{kind}"),
            parent_id=ask.typed("parent"),
            limit=money(ask, "limit", ask.typed("currency").upper()),
        )
        await ask.of.exposure("RegisterNode", request, ask.write(ask.line("why")))
    except (Refused, Invalid) as refused:
        errors = (
            {"currency": ask.refused(refused)}
            if refused.code.startswith("money.unk")
            else beside(ask, refused, "limit")
        )
    except Unknown:
        errors = {"parent": ask.words.say("There is no group by that name.")}
    if errors:
        return ask.show("desk_node_new.html", 422, kinds=KINDS, typed=ask.typed, errors=errors)
    return ask.go(f"/desk/nodes/{quote(node_id)}")
