"""Looking at a buyer's pages: which are shown, where their links lead, what is asked."""

from typing import Any, cast

import pytest
from fastapi.responses import HTMLResponse, RedirectResponse

from services.portal import pages
from services.portal.asks import Asking, Asks, Refused, Unknown, Write
from services.portal.domain.people import Person
from services.portal.pages import desk_as

pages.load()
AT = "/desk/as/ann"


@pytest.mark.parametrize("path", ["/", "/invoices", "/invoices.csv", "/invoices/RE-1", "/invoices/RE-1/file"])
def test_a_buyers_pages_are_shown(path: str):
    _, _, guard = desk_as._page_of(path)
    assert guard.lets_in(a_person("AP_CLERK", "b1"))


@pytest.mark.parametrize(
    "path",
    [
        "/people",
        "/approvals",
        "/profile",
        "/factor",
        "/desk",
        "/desk/as/ann",
        "/sign-in",
        "/sign-out",
        "/in/x",
        "/invoicesx",
    ],
)
def test_what_is_somebodys_own_and_what_is_ours_is_not(path: str):
    with pytest.raises(Unknown):
        desk_as._page_of(path)


def test_links_and_forms_stay_with_whom_one_looks_as():
    page = (
        '<a href="/">x</a><a href="/invoices?q=1">x</a><form action="/sign-out"><link href="/static/a.css">'
        '<a href="/desk/accounts/b1">back</a><a href="https://else.example/">x</a><a href="//else.example/">x</a>'
    )

    kept = bytes(desk_as._kept_inside(HTMLResponse(page), AT).body).decode()

    assert kept == (
        '<a href="/desk/as/ann">x</a><a href="/desk/as/ann/invoices?q=1">x</a><form action="/desk/as/ann/sign-out">'
        '<link href="/static/a.css"><a href="/desk/accounts/b1">back</a><a href="https://else.example/">x</a>'
        '<a href="//else.example/">x</a>'
    )
    moved = desk_as._kept_inside(RedirectResponse("/invoices", 303), AT)
    assert moved.headers["location"] == "/desk/as/ann/invoices"


async def test_who_looks_writes_nothing_and_asks_nothing_that_the_other_may_not():
    asked: list[Any] = []

    class Answers:
        async def ask(self, principal: Any, *what: Any, **_: Any) -> None:
            asked.append((principal.subject, principal.accounts, *what[:2]))

    looking = Asks.looking(cast(Asks, Answers()), a_person("SALES"), a_person("RECEIVING", "b1"))
    assert isinstance(looking, Asking)

    await looking.invoicing("ListInvoices", cast(Any, None))
    with pytest.raises(Unknown):
        await looking.ledger("GetAccount", cast(Any, None))
    with pytest.raises(Refused):
        await looking.invoicing("ListInvoices", cast(Any, None), Write("k"))

    assert asked == [("user:p", frozenset({"b1"}), "invoicing", "ListInvoices")]


def a_person(role: str, account: str = "") -> Person:
    return Person("t", "p", account, "P", frozenset({role}), "en")
