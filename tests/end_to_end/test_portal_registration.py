"""Sellers, buyers and people are registered at the desk: by form, and many at once by a file, line by line."""

import re
from html import unescape

import pytest

from tests.end_to_end.visitors import Caller, links
from tests.end_to_end.world import Trader

FORM = "/desk/register/"
Fields = dict[str, str | list[str]]
BUYER: Fields = {
    "account": "b7",
    "name": "Elm & Ash Ltd",
    "street": "1 High Street",
    "post_code": "M1 1AA",
    "city": "Manchester",
    "country": "GB",
    "limit": "2,500.00",
    "currency": "GBP",
    "net_days": "14",
    "invoice_on": "shipment",
    "language": "",
}


@pytest.fixture
def sam(trader: Trader) -> Caller:
    """Give somebody of the seller who registers others, with a second factor."""
    sam = Caller(trader, trader.person("sam", "SELLER_ADMIN BILLING")).sign_in()
    sam.prove()
    return sam


def test_a_buyer_is_registered_by_a_form_and_what_is_wrong_stands_beside_its_field(trader: Trader, sam: Caller):
    wrong = sam.sent(f"{FORM}buyer", {**BUYER, "limit": "2.500,00", "country": "Elbonia"}, page=f"{FORM}buyer")
    assert wrong.status_code == 422
    assert 'value="2.500,00"' in wrong.text
    assert 'aria-invalid="true" aria-describedby="e-' in wrong.text

    told = sam.sent(f"{FORM}buyer", BUYER, page=f"{FORM}buyer")
    assert told.status_code == 303
    trader.world.settle()
    [registered] = trader.told("BuyerRegistered")
    assert (registered.account_id, registered.limit.minor) == ("b7", 250_000)
    page = words(sam.get("/desk/accounts/b7").text)
    assert "Elm & Ash Ltd" in page
    assert "14 days" in page


def test_a_person_is_registered_by_a_form_and_comes_in_by_the_invitation(trader: Trader, sam: Caller):
    trader.buyer("b1")
    address = f"bo.li.{trader.tenant}@people.example"
    form: Fields = {"email": address, "account": "b1", "role": ["AP_CLERK"], "language": "sv", "invite": "1"}
    assert sam.sent(f"{FORM}contact", {**form, "role": []}, page=f"{FORM}contact").status_code == 422
    nowhere = sam.sent(f"{FORM}contact", {**form, "account": "b9"}, page=f"{FORM}contact")
    assert (nowhere.status_code, 'id="e-account"' in nowhere.text) == (422, True)
    assert "There is no such account." in nowhere.text
    assert sam.sent(f"{FORM}contact", form, page=f"{FORM}contact").status_code == 303
    trader.world.settle()

    bo = Caller(trader, address)
    [link] = links(trader, address)
    path = link.removeprefix(bo.base)
    assert bo.sent(path, {}, page=path).status_code == 303
    assert "Bo Li" in bo.get("/profile").text
    assert 'lang="sv"' in bo.get("/profile").text


def test_a_seller_is_registered_by_a_form_and_a_wrong_account_is_said_beside_it(trader: Trader, sam: Caller):
    form: Fields = {
        "seller_id": f"{trader.tenant}-2",
        "name": "Second Seller Ltd",
        "street": "2 High Street",
        "post_code": "M1 1AB",
        "city": "Manchester",
        "country": "GB",
        "vat_id": "GB314159228",
        "iban": "GB60BARC20000055779912",
        "bic": "BARCGB22XXX",
        "series_prefix": f"{trader.prefix[:4]}2",
        "time_zone": "Europe/London",
        "language": "en",
    }
    assert sam.sent(f"{FORM}seller", form, page=f"{FORM}seller").status_code == 422
    told = sam.sent(f"{FORM}seller", {**form, "iban": "GB60BARC20000055779911"}, page=f"{FORM}seller")
    assert told.status_code == 303
    assert f"{trader.tenant}-2" in unescape(sam.get(told.headers["location"]).text)


def test_a_file_of_buyers_is_taken_line_by_line_and_once(trader: Trader, sam: Caller):
    lines = [
        "account;name;country;currency;limit;net_days;invoice_on",
        "b1;Ash Ltd;GB;GBP;1000;14;shipment",
        "b2;Birch Ltd;GB;GBP;1.234,50;;",
        "b3;Cedar Ltd;GB;GBP;2500.00;;approval",
        "b4;Dogwood Ltd;GB;GBP;300;fortnight;",
        "b5;Elm Ltd;GB;GBP;400;;",
    ]
    told = send_file(sam, "buyers", lines)
    assert "3 of 5 lines are registered" in words(told)
    assert report(told) == [("2", "b2"), ("4", "b4"), ("1", "b1"), ("3", "b3"), ("5", "b5")]

    lines[2], lines[4] = lines[2].replace("1.234,50", "1234.50"), lines[4].replace("fortnight", "14")
    assert "5 of 5 lines are registered" in words(send_file(sam, "buyers", lines))
    trader.world.settle()
    assert sorted(told.account_id for told in trader.told("BuyerRegistered")) == ["b1", "b2", "b3", "b4", "b5"]
    assert sam.get("/desk/accounts?q=dogwood").headers["location"] == "/desk/accounts/b4"


def test_a_file_of_people_says_of_each_line_what_became_of_it(trader: Trader, sam: Caller):
    trader.buyer("b1")
    address = "{}." + trader.tenant + "@people.example"
    lines = [
        "email,account,roles,name,language",
        f"{address.format('ann')},b1,AP_CLERK AP_MANAGER,Ann Ash,de",
        f"{address.format('bo')},b1,KING,Bo Birch,de",
        "no-address,b1,AP_CLERK,Cy Cedar,de",
        f"{address.format('di')},b9,AP_CLERK,Di Dogwood,de",
    ]
    told = send_file(sam, "people", lines)
    assert "1 of 4 lines are registered" in words(told)
    assert [nth for nth, _ in report(told)] == ["2", "3", "4", "1"]
    assert "There is no such account." in words(told)
    assert "That is no address of mail." in words(told)
    trader.world.settle()
    assert "Ann Ash" in sam.get("/desk/accounts/b1").text


def test_what_is_no_file_of_buyers_is_refused_beside_its_field(sam: Caller):
    for content in (b"", b"\xff\xfe\x00", b"name\nAsh Ltd\n", b"account;nonsense\n1;2\n"):
        page = f"{FORM}buyers"
        answer = sam.sent(page, {}, page=page, files={"file": ("buyers.csv", content, "text/csv")})
        assert answer.status_code == 422
        assert 'id="e-file"' in answer.text


def send_file(caller: Caller, kind: str, lines: list[str]) -> str:
    """Give a file; what the page says of it."""
    page = f"{FORM}{kind}"
    content = "\r\n".join(lines).encode()
    answer = caller.sent(page, {}, page=page, files={"file": (f"{kind}.csv", content, "text/csv")})
    assert answer.is_success
    return answer.text


def report(text: str) -> list[tuple[str, str]]:
    """The number of each line that the page reports on, and what it is about."""
    found = re.findall(r'<tr><td class="n">(\d+)</td><td>(.*?)</td>', text)
    return [(nth, words(what)) for nth, what in found]


def words(text: str) -> str:
    """What a page says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
