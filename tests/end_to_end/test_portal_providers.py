"""In by a provider of identities: a real code flow with PKCE."""

import time
from collections.abc import Callable

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread

from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

pytestmark = pytest.mark.prove
Visit = Callable[..., Visitor]


def test_a_large_buyers_people_come_in_by_their_own_provider_and_nobody_elses(
    trader: Trader, visit: Visit, monkeypatch: pytest.MonkeyPatch
):
    trader.buyer("b1")
    trader.buyer("b2")
    address = trader.person("ann", "AP_MANAGER LEGAL", "b1")
    other = trader.person("eve", "AP_CLERK", "b2")
    monkeypatch.setenv("AR_PROVIDER_SECRET", "the portal's own")
    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        for sub, email, verified in (("ann-1", address, True), ("eve-1", other, True), ("ann-2", address, False)):
            claims = {"email": email, "email_verified": verified, "groups": ["finance"]}
            assert httpx.put(f"{issuer}/users/{sub}", json=claims).is_success
        ann = visit(trader, address)
        stack = trader.world.stage.stack
        stack.command(
            "portal",
            "provider",
            trader.tenant,
            "corp",
            issuer,
            "portal",
            "B1 Corp",
            "--account",
            "b1",
            "--group",
            "finance=AP_MANAGER",
        )

        come(ann, "ann-1")
        ann.sees("Good day, Person ann")
        ann.go("/profile")
        ann.sees("Head of accounts payable")
        ann.misses("Legal")

        for sub in ("eve-1", "ann-2"):
            nobody = visit(trader, "nobody@people.example")
            come(nobody, sub)
            nobody.sees("ask an administrator to invite you")

        # An answer of the provider is good once, and in the browser that was sent.
        thief = visit(trader, "nobody@people.example")
        sent = thief.over_http("/sign-in/with/corp?next=/").headers["location"]
        assert "code_challenge_method=S256" in sent
        assert "nonce=" in sent
        state = httpx.URL(sent).params["state"]
        answer = thief.over_http("/sign-in/with/corp/back", params={"state": state, "code": "x"})
        assert answer.status_code == 422
        assert "__Host-session" not in answer.headers.get("set-cookie", "")
        assert thief.over_http("/sign-in/with/nobody").status_code == 404


def come(visitor: Visitor, sub: str) -> None:
    """In by the provider's page."""
    visitor.go("/sign-in")
    visitor.page.click("text=Sign in with B1 Corp")
    visitor.page.fill("input[name=sub]", sub)
    visitor.page.click("button:has-text('Authorize')")
    visitor.page.wait_for_load_state()


def test_who_came_in_by_a_provider_signs_in_there_again_for_what_needs_it_and_goes_on(
    trader: Trader, visit: Visit, monkeypatch: pytest.MonkeyPatch
):
    trader.buyer("b1")
    address = trader.person("ann", "AP_MANAGER ACCOUNT_ADMIN", "b1")
    monkeypatch.setenv("AR_PROVIDER_SECRET", "the portal's own")
    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        ann = visit(trader, address)
        said = ["corp", issuer, "portal", "B1 Corp", "--account", "b1", "--second-factor"]
        trader.world.stage.stack.command("portal", "provider", trader.tenant, *said)
        knows(issuer, address, ago=400)
        come(ann, "ann-1")
        ann.go("/people/spending")
        ann.page.click("main a:has-text('Show that it is you')")
        ann.sees("Sign in again with B1 Corp")

        knows(issuer, address, ago=2)
        ann.page.click("text=Sign in again with B1 Corp")
        ann.page.fill("input[name=sub]", "ann-1")
        ann.page.click("button:has-text('Authorize')")
        ann.page.wait_for_url("**/people/spending")
        ann.page.select_option("#f-who", "role:REQUESTER")
        ann.page.select_option("#f-currency", "GBP")
        ann.page.fill("#f-per_order", "20.00")
        ann.page.click("button:text-is('Set')")
        ann.sees("£20.00")


def knows(issuer: str, address: str, *, ago: int) -> None:
    """What the provider says of Ann, who showed it who she is so many seconds ago."""
    claims = {"email": address, "email_verified": True, "auth_time": int(time.time()) - ago}
    assert httpx.put(f"{issuer}/users/ann-1", json=claims).is_success
