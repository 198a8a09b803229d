"""What a provider's ID token must say (OpenID Connect Core 1.0, 3.1.3.7)."""

from typing import Any

import pytest

from services.portal.domain.providers import NotForUs, roles_left, vouched

NOW = 1_800_000_000.0
GOOD: dict[str, Any] = {
    "iss": "https://login.acme.example",
    "aud": "portal",
    "sub": "ann-1",
    "nonce": "n1",
    "iat": NOW - 5,
    "exp": NOW + 300,
    "email": "ann@acme.example",
    "email_verified": True,
    "groups": ["finance"],
}


def read(**changes: Any) -> Any:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return vouched(claims, issuer="https://login.acme.example", client_id="portal", nonce="n1", now=NOW)


def test_who_is_vouched_for_has_a_subject_an_address_and_groups():
    who = read()

    assert (who.subject, who.address, who.groups) == ("ann-1", "ann@acme.example", {"finance"})


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.evil.example"},
        {"aud": "another"},
        {"aud": ["portal", "another"]},
        {"azp": "another"},
        {"nonce": "n2"},
        {"nonce": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"iat": NOW + 60},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_a_token_that_is_not_for_us_is_not_taken(changes: dict[str, Any]):
    """ASVS 9.2.1-3, 10.5.1: issuer, audience, nonce and times."""
    with pytest.raises(NotForUs):
        read(**changes)


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_was_not_verified_is_none(verified: Any):
    assert read(email_verified=verified).address == ""


def test_groups_take_roles_away_and_what_no_group_means_is_all():
    assert roles_left(frozenset({"finance", "x"}), {"finance": ["AP_CLERK"], "it": ["EDI_IT"]}) == ["AP_CLERK"]
    assert roles_left(frozenset(), {"finance": ["AP_CLERK"]}) == []
    assert roles_left(frozenset({"finance"}), {}) is None
