"""Standing approvals on the pages: granted from an order in two clicks, confirmed by a colleague, used, revoked."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.portal import usecases
from services.portal.asks import Write
from services.portal.domain.spending import Rule
from tests.integration.credit.desk import register
from tests.integration.portal.conftest import OURS, TENANT, Casework, Pages, said
from tests.integration.portal.test_portal_spending import an_order


async def test_from_an_order_to_the_next_that_is_alike_and_back(casework: Casework):
    await register(casework.credit.parts)
    assert await casework.credit.reasons("o1", 105_000) == ("REFERRED", ["near_limit"])
    page = (await casework.get("ada", "/desk/credit/orders/o1")).text
    assert 'href="/desk/approvals/new?order=o1"' in page
    form = (await casework.get("ada", "/desk/approvals/new?order=o1")).text
    typed: dict[str, Any] = dict(re.findall(r'<input id="f-\w+" name="(\w+)" type="\w+" value="([^"]*)"', form))
    assert (typed["account"], typed["most"], typed["period"], typed["currency"]) == (
        "b1",
        "1050.00",
        "3150.00",
        "EUR",
    )
    typed |= {"kind": "STANDING_KIND_RELEASE_ORDER", "until": "2026-03-01"}  # by the clock of credit here

    wrong = await casework.send("ada", "/desk/approvals/new", **typed | {"period": "1.00"})
    assert (wrong.status_code, "a period has room for one at least" in said(wrong)) == (422, True)
    assert (await casework.send("ada", "/desk/approvals/new", **typed)).status_code == httpx.codes.SEE_OTHER
    assert "Waits for a second person" in await casework.text("ada", "/desk/approvals")
    mine, theirs = [(await casework.get(who, "/desk/approvals")).text for who in ("ada", "bob")]
    assert ("/desk/approvals/confirm" in mine, "/desk/approvals/confirm" in theirs) == (False, True)
    found = re.search(r'name="approval" value="([^"]+)">Confirm', theirs)
    assert found is not None
    act = {"contract": "credit_standing", "approval": found[1]}
    refused = await casework.send("ada", "/desk/approvals/confirm", **act)
    assert (refused.status_code, "a colleague does" in said(refused)) == (422, True)
    assert (await casework.send("bob", "/desk/approvals/confirm", **act)).status_code == httpx.codes.SEE_OTHER

    assert await casework.credit.reasons("o2", 105_000) == ("APPROVED", ["standing_approval"])
    assert "1,050.00" in await casework.text("eve", f"/desk/approvals/credit_standing/{found[1]}")
    assert "approved once for all that is alike" in await casework.text("ada", "/desk/credit/orders/o2")
    assert (await casework.send("bob", "/desk/approvals/revoke", **act)).status_code == httpx.codes.SEE_OTHER
    shown = await casework.text("eve", "/desk/approvals")
    assert ("Revoked" in shown, "Counts" in shown) == (True, False)
    assert (await casework.send("eve", "/desk/approvals/revoke", **act)).status_code == httpx.codes.NOT_FOUND
    assert (await casework.get("ada", "/desk/approvals/elsewhere/x")).status_code == httpx.codes.NOT_FOUND


@pytest.fixture
async def buyer(house_of_pages: Pages) -> Pages:
    """Give a buyer with a requester who orders up to a pound, and two who approve."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER")
    pages.people.add("bo", "REQUESTER")
    pages.people.add("ada", "ACCOUNT_ADMIN")
    admin = usecases.person_of(TENANT, pages.people.known["ada"])
    await usecases.save_rule(pages.door, admin, Rule("", "role:REQUESTER", "GBP", 100, None), [], "r" * 32)
    return pages


async def test_a_buyer_approves_what_is_alike_from_what_waits_and_revokes_it_in_a_click(buyer: Pages):
    bo = usecases.person_of(TENANT, buyer.people.known["bo"])
    waits = await usecases.place_or_ask(buyer.door, bo, an_order("o1", 20_000), Write("o" * 32))
    cookie = await buyer.session("ann")
    async with buyer.client(cookie, **OURS) as browser:
        page = (await browser.get("/approvals")).text
        assert f'href="/approvals/standing?like={waits.approval_id}"' in page
        form = (await browser.get(f"/approvals/standing?like={waits.approval_id}")).text
        typed: dict[str, Any] = dict(re.findall(r'<input id="f-\w+" name="(\w+)" type="\w+" value="([^"]*)"', form))
        assert (typed["most"], typed["month"]) == ("200.00", "800.00")
        assert '<option value="contact:bo" selected>Person bo</option>' in form
        assert "contact:ann" not in form
        once = re.search(r'name="once" value="([^"]+)"', form)
        assert once is not None
        typed |= {"once": once[1], "who": "contact:bo", "currency": "GBP", "category": ""}
        late = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        wrong = await browser.post("/approvals/standing", data=typed | {"until": late})
        assert (wrong.status_code, "It ends in the future." in said(wrong)) == (422, True)
        assert (await browser.post("/approvals/standing", data=typed)).status_code == httpx.codes.SEE_OTHER

        shown = await browser.get("/approvals")
        assert "Person bo Goods and services £200.00 £800.00 £0.00" in said(shown)
        revoke = re.search(r'action="(/approvals/standing/\w+/revoke)"', shown.text)
        assert revoke is not None
        again = {"once": once[1][:-1] + "z"}
        assert (await browser.post(revoke[1], data=again)).status_code == httpx.codes.SEE_OTHER
        assert "Revoked" in said(await browser.get("/approvals"))
