"""What strangers try at the portal's doors, and what every answer has: by the requirements of OWASP ASVS 5.0.0."""

import re
from collections.abc import Callable

import httpx
import pytest

from tests.end_to_end.visitors import Caller, Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
FORGED: tuple[dict[str, str], ...] = (
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "origin": "{base}"},
)


def test_a_form_of_another_site_does_nothing(trader: Trader):
    """ASVS 3.5.1, 3.5.3: whatever a browser says that is not ours is refused, signed in or not."""
    trader.buyer(limit=1000)
    ann = Caller(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    cookie = ann.cookie

    for headers in FORGED:
        said = {name: value.format(base=ann.base) for name, value in headers.items()}
        assert ann.over_http("/sign-out", cookie, method="POST", headers=said).status_code == 403
    assert ann.over_http("/profile", cookie).status_code == 200
    assert ann.over_http("/sign-out", cookie, method="POST", headers={"origin": ann.base}).status_code == 303
    assert ann.over_http("/profile", cookie).status_code == 303


@pytest.mark.prove
def test_a_session_is_a_new_one_and_its_cookie_is_kept_from_script_and_strangers(trader: Trader, visit: Visit):
    """ASVS 3.3.1-4, 7.2.1-4: an id that the visitor brought is none; the cookie is __Host-, Secure, HttpOnly, Lax."""
    trader.buyer(limit=1000)
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1"))
    planted = "x" * 43
    assert ann.over_http("/profile", planted).headers["location"].startswith("/sign-in")
    ann.page.context.add_cookies(
        [
            {
                "name": "__Host-session",
                "value": planted,
                "domain": ann.base[7:].partition(":")[0],
                "path": "/",
                "secure": True,
            }
        ]
    )
    ann.sign_in()

    [cookie] = [one for one in ann.page.context.cookies() if one.get("name") == "__Host-session"]
    assert cookie.get("value") != planted
    assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite"), cookie.get("path")) == (
        True,
        True,
        "Lax",
        "/",
    )
    assert ann.page.evaluate("document.cookie") == ""
    assert ann.over_http("/profile", planted).status_code == 303


def test_every_answer_says_what_browsers_may_do_with_it(trader: Trader):
    """ASVS 3.4.1-8, 14.3.2: on pages, redirects, errors and files alike."""
    nobody = Caller(trader, "nobody@people.example")
    [style, *_] = re.findall(r'rel="stylesheet" href="([^"]+)"', nobody.get("/sign-in").text)
    answers = {
        200: nobody.over_http("/sign-in"),
        303: nobody.over_http("/"),
        404: nobody.over_http("/no-such-page"),
        403: nobody.over_http("/sign-in", method="POST"),
        405: nobody.over_http("/sign-in", method="DELETE", headers=SAME_ORIGIN),
        413: nobody.over_http("/sign-in", method="POST", headers=SAME_ORIGIN, content=b"x" * 9_000_001),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
    for answer in (*answers.values(), nobody.over_http(style)):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers


def test_nobody_is_sent_elsewhere(trader: Trader):
    """ASVS 3.7.2: whoever makes a link to us leads nobody off, on the way in and on the way through a factor."""
    trader.buyer(limit=1000)
    ann = Caller(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    cookie = ann.cookie

    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"):
        for page in ("/sign-in", "/factor"):
            said = ann.over_http(page, cookie if page == "/factor" else "", params={"next": elsewhere}).text
            assert 'name="next" value="/"' in said
            assert "evil.example" not in said
        form = {"contact": "ann", "next": elsewhere}
        answer = ann.over_http("/who", cookie, method="POST", headers=SAME_ORIGIN, data=form)
        assert answer.headers["location"] == "/"


def test_who_asks_too_often_waits_and_nobody_is_locked_out(trader: Trader):
    """ASVS 2.4.1, 6.1.1, 6.3.1: tries are slowed down by address; who is in stays in, known or not sounds the same."""
    trader.buyer(limit=1000)
    address = trader.person("ann", "AP_CLERK", "b1")
    ann = Caller(trader, address).sign_in()
    cookie = ann.cookie

    said = {}
    for who, before in ((address, 1), (f"nobody.{trader.tenant}@people.example", 0)):
        answers = [ask(ann, who) for _ in range(6 - before)]
        assert [answer.status_code for answer in answers] == [200] * (5 - before) + [422]
        said[who] = re.sub(r'(value|data-options)="[^"]*"|&#34;challenge.*?,', "", answers[-1].text)
    assert len(set(said.values())) == 1
    assert ann.over_http("/profile", cookie).status_code == 200


def test_guesses_at_a_factor_are_slowed_down_and_lead_nowhere(trader: Trader):
    """ASVS 6.3.1, 6.3.3, 6.5.1: wrong codes; and nobody gets around the factor by another page or form."""
    trader.buyer(limit=1000)
    ada = Caller(trader, trader.person("ada", "ACCOUNT_ADMIN", "b1")).sign_in()
    ada.prove()
    ada.sent("/sign-out", {}, page="/profile")
    ada.sign_in()
    cookie = ada.cookie

    # What somebody has who reads Ada's mail: no way to what needs a factor, nor to another factor.
    assert ada.over_http("/profile/export", cookie).headers["location"].startswith("/factor")
    assert ada.over_http("/factor/new", cookie).headers["location"].startswith("/factor?")
    for path, form in (
        ("/people/invite", {"address": "eve@evil.example", "role": "ACCOUNT_ADMIN"}),
        ("/factor/remove", {"factor": "app"}),
        ("/factor/new/app", {"sealed": "AAAA", "code": "000000"}),
        ("/factor/new/passkey", {"challenge": "AAAA", "answer": "{}", "name": "x"}),
    ):
        answer = ada.over_http(path, cookie, method="POST", headers=SAME_ORIGIN, data=form | {"once": "o" * 32})
        assert answer.status_code in (403, 422, 303), path
        assert "/profile" not in answer.headers.get("location", "")
    answers = [
        ada.over_http("/factor/code", cookie, method="POST", headers=SAME_ORIGIN, data={"code": "12345x"})
        for _ in range(7)
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert "Many codes were tried" in answers[-1].text
    assert ada.over_http("/profile/export", cookie).headers["location"].startswith("/factor")


def test_a_passkey_of_one_is_no_passkey_of_another(trader: Trader):
    """ASVS 6.3.3: an answer that was made for another challenge, or by another's key, is not taken."""
    nobody = Caller(trader, "nobody@people.example")
    page = nobody.get("/sign-in").text
    found = re.search(r'name="challenge" value="([^"]+)"', page)
    assert found is not None
    answer = '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}'
    for challenge, said in ((found[1], answer), (found[1], answer), ("AAAA", answer), (found[1], "[]"), ("", "")):
        tried = nobody.over_http(
            "/sign-in/passkey", method="POST", headers=SAME_ORIGIN, data={"challenge": challenge, "answer": said}
        )
        assert tried.status_code == 422
        assert "__Host-session" not in tried.headers.get("set-cookie", "")


def ask(caller: Caller, address: str) -> httpx.Response:
    """Ask for a link."""
    return caller.over_http("/sign-in", method="POST", headers=SAME_ORIGIN, data={"address": address, "next": "/"})


def session_of(visitor: Visitor) -> str:
    """The cookie of a visitor's session."""
    return next(
        str(cookie.get("value")) for cookie in visitor.page.context.cookies() if cookie.get("name") == "__Host-session"
    )
