"""E-mail addresses, phone numbers, websites and places, as people write them."""

import pytest

from services.credit.domain.identity import contacts
from services.credit.domain.identity.places import place
from services.kernel.orders import Address
from services.kernel.refusals import Invalid
from tests.unit.credit.test_identity_numbers import HOSTILE, outcome


@pytest.mark.parametrize(
    ("text", "mailbox", "domain"),
    [
        ("Jo.Meyer+shop@Mail.Acme.co.uk", "jo.meyer@mail.acme.co.uk", "acme.co.uk"),
        ("jo@münchen-werkzeuge.de", "jo@xn--mnchen-werkzeuge-jzb.de", "xn--mnchen-werkzeuge-jzb.de"),
        ("j.o.meyer+x@gmail.com", "jomeyer@gmail.com", "gmail.com"),
        ("jo@acme.example", "jo@acme.example", "acme.example"),
        ("jo@shop.myshopify.com", "jo@shop.myshopify.com", "shop.myshopify.com"),
        (" jo@acme.de\u200b", "jo@acme.de", "acme.de"),
    ],
)
def test_an_address_tells_who_reads_it_and_who_has_the_domain(text: str, mailbox: str, domain: str):
    email = contacts.email(text)

    assert (email.mailbox, email.domain) == (mailbox, domain)


@pytest.mark.parametrize(
    ("text", "free", "disposable", "role"),
    [
        ("jo@acme.de", False, False, False),
        ("jo@gmx.de", True, False, False),
        ("info@acme.de", False, False, True),
        ("Comptabilite@acme.fr", False, False, True),
        ("jo@mailinator.com", False, True, False),
        ("jo@team.yopmail.com", False, True, False),
    ],
)
def test_an_address_may_be_anybodys_for_a_day_or_nobodys(text: str, free: bool, disposable: bool, role: bool):
    email = contacts.email(text)

    assert (email.free, email.disposable, email.role) == (free, disposable, role)
    assert contacts.everybodys(email.domain) is (free or disposable)


@pytest.mark.parametrize(
    "text",
    [
        "jo",
        "jo@",
        "@acme.de",
        "jo@acme",
        "jo@@acme.de",
        "jo@[10.0.0.1]",
        "jo@-acme.de",
        "jo meyer@acme.de",
        "jo@localhost",
        "a" * 65 + "@acme.de",
    ],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        contacts.email(text)
    assert refused.value.code == "fact.email"


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("030 23125 123", "DE", "+493023125123"),
        ("+49 (0)30 23125-123", "DE", "+493023125123"),
        ("0049 30 23125 123", "DE", "+493023125123"),
        ("+49 30 23125 123 ext. 5", "GB", "+493023125123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("08-123 456 78", "SE", "+46812345678"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("+4５ 32 12 34 56", "DK", "+4532123456"),
    ],
)
def test_a_phone_number_comes_in_one_form_however_it_is_written(text: str, country: str, number: str):
    assert contacts.phone(text, country) == number


@pytest.mark.parametrize(
    ("text", "country"),
    [("110", "DE"), ("12345", "FR"), ("0" * 20, "SE"), ("+999 123 456 789", "DE"), ("call me", "GB")],
)
def test_what_is_no_phone_number_is_refused(text: str, country: str):
    with pytest.raises(Invalid) as refused:
        contacts.phone(text, country)
    assert refused.value.code == "fact.phone"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.de", "acme.de"),
        ("WWW.Acme.de", "acme.de"),
        ("https://shop.acme.co.uk:8443/en?x=1#y", "acme.co.uk"),
        ("http://münchen-werkzeuge.de/", "xn--mnchen-werkzeuge-jzb.de"),
        ("acme.example", "acme.example"),
        ("acme.github.io", "acme.github.io"),
    ],
)
def test_a_website_tells_who_has_the_domain(text: str, domain: str):
    assert contacts.website(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        "co.uk",
        "https://",
        "10.0.0.1",
        "http://[::1]/",
        "http://10.1",
        "https://acme.de:pw@evil.de",
        "ftp://acme.de",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "a" * 64 + ".de",
        "x" * 501,
    ],
)
def test_what_is_no_website_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        contacts.website(text)
    assert refused.value.code == "fact.website"


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE,
        "@" * 100,
        "http://[",
        "http://[::::]:x",
        "xn--a.de",
        "jo@xn--a.de",
        "https://" + "a." * 200,
        "+" * 50,
        "\u202ejo@acme.de\u202c",
        "💩@💩.la",
    ],
)
def test_whatever_is_typed_is_a_contact_or_refused(text: str):
    for judge in (
        contacts.email,
        contacts.website,
        lambda typed: contacts.phone(typed, "DE"),
        lambda typed: contacts.phone(typed, "US"),
    ):
        told = outcome(judge, text)
        if isinstance(told, Invalid):
            assert told.code in ("fact.email", "fact.website", "fact.phone")
            assert 0 < len(told.message) < 200


def test_a_place_is_the_same_however_its_street_is_shortened():
    written = Address(street="Hafenstr. 12 b", city="Hamburg", post_code="20457", country="DE")
    other = Address(street="12 b, HAFENSTRASSE", city="HH", post_code="20 457", country="DE")

    assert place(written) == place(other) == "DE 20457 12 b hafenstrasse"
    assert place(Address(street="Hafenstraße 12b", post_code="20457", country="DE")) != place(
        Address(street="Hafenstraße 13", post_code="20457", country="DE")
    )
    assert place(Address(street="1 Main St", city="Dublin", country="IE")) == place(
        Address(street="1 Main Street", city="DUBLIN", country="IE")
    )


@pytest.mark.parametrize(
    "address",
    [
        Address(),
        Address(country="DE"),
        Address(street="Hafenstraße 12", country="DE"),
        Address(post_code="20457", country="DE"),
        Address(street="---", city="👍", country="DE"),
    ],
)
def test_half_an_address_is_no_place(address: Address):
    assert place(address) == ""
