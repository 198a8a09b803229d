"""Which people can be registered."""

from dataclasses import replace
from typing import Any

import pytest

from services.kernel.refusals import Invalid
from services.notifications.domain import contacts
from services.notifications.domain.roles import Role
from tests.unit.notifications.samples import a_colleague, a_person

CLERK = a_person("cleo", Role.AP_CLERK)


def refusal_of(**changes: Any) -> str:
    with pytest.raises(Invalid) as refused:
        replace(CLERK, **changes).check()
    return refused.value.code


def test_a_person_with_a_role_a_name_and_an_address_is_registered():
    assert CLERK.check() is CLERK
    assert a_colleague("sam", Role.SALES).check()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "cleo",
        "cleo@",
        "@acme.example",
        "cleo@acme@example",
        "cleo@acme.example\r\nBcc: all@example.org",
        "cleo @acme.example",
        "<cleo@acme.example>",
        "cleo@acme.example, bo@acme.example",
        '"cleo"@acme.example',
        "clé@acme.example",
        "cleo@acme.example\0",
        "c" * 250 + "@acme.example",
        "a@b;c",
        "cleo..x@acme.example",
    ],
)
def test_what_is_no_address_is_refused(email: str):
    assert refusal_of(email=email) == "contact.email_malformed"


@pytest.mark.parametrize("name", ["", "   ", "Cleo\r\nBcc: x@y.example", "Cleo\0", "C" * 201])
def test_a_name_is_one_line_of_bounded_length(name: str):
    assert refusal_of(name=name) == "contact.name_malformed"


def test_a_persian_name_keeps_what_parts_its_letters():
    assert replace(CLERK, name="علی\u200cرضا").check()


@pytest.mark.parametrize("contact_id", ["", "a/b", "a\nb", "c" * 65])
def test_an_id_is_short_and_plain(contact_id: str):
    assert refusal_of(contact_id=contact_id) == "contact.id_malformed"


def test_we_write_in_the_languages_that_we_have():
    assert refusal_of(language="xx") == "contact.language_unknown"


def test_a_role_that_nobody_knows_is_refused():
    with pytest.raises(Invalid, match="AP_CLERK") as refused:
        contacts.roles(["AP_CLERK", "CHIEF"])
    assert refused.value.code == "contact.role_unknown"


def test_a_role_named_twice_is_held_once():
    assert contacts.roles(["AP_CLERK", "AP_CLERK"]) == (Role.AP_CLERK,)


def test_buyers_hold_buyers_roles_and_sellers_hold_sellers_roles():
    assert refusal_of(roles=(Role.SALES,)) == "contact.role_of_other_side"
    assert refusal_of(account_id="") == "contact.role_of_other_side"


def test_somebody_new_without_a_role_must_at_least_want_the_documents():
    with pytest.raises(Invalid) as refused:
        replace(CLERK, roles=(), wants_document=False).check_new()
    assert refused.value.code == "contact.without_role"
    replace(CLERK, roles=(), wants_document=True).check_new()


def test_somebody_known_may_lose_the_last_role():
    assert replace(CLERK, roles=(), wants_document=False).check()
