"""What a provider's ID token must say (OpenID Connect Core 1.0, 3.1.3.7)."""

from typing import Any

import pytest

from services.portal.domain.providers import LOGOUT, NotForUs, logged_out, roles_left, vouched

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


@pytest.mark.parametrize(
    ("said", "at"), [(NOW - 60, NOW - 60), (None, 0), ("now", 0), (NOW + 3600, 0), (-1, 0), (float("nan"), 0)]
)
def test_when_somebody_showed_who_they_are_is_not_made_up(said: Any, at: float):
    """ASVS 7.5.3, 10.4.12: who comes by a session of yesterday has shown nothing just now."""
    assert read(auth_time=said).showed_at == at


WORD: dict[str, Any] = {
    "iss": "https://login.acme.example",
    "aud": ["portal"],
    "iat": NOW - 5,
    "exp": NOW + 60,
    "jti": "w1",
    "sid": "s1",
    "events": {LOGOUT: {}},
}


def heard(header: dict[str, Any] | None = None, **changes: Any) -> Any:
    claims = {name: value for name, value in (WORD | changes).items() if value is not None}
    given = {"typ": "logout+jwt"} if header is None else header
    return logged_out(given, claims, issuer="https://login.acme.example", client_id="portal", now=NOW)


@pytest.mark.parametrize(
    ("changes", "subject", "sid"),
    [({}, "", "s1"), ({"sid": None, "sub": "ann-1"}, "ann-1", ""), ({"sub": "a"}, "a", "s1")],
)
def test_a_logout_says_whose_session_or_which_has_ended(changes: dict[str, Any], subject: str, sid: str):
    said = heard(**changes)

    assert (said.subject, said.sid, said.word_id) == (subject, sid, "w1")


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "application/logout+jwt"])
def test_a_logout_may_say_its_type(typ: str):
    assert heard({"typ": typ}).sid == "s1"
    assert heard({}).sid == "s1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.evil.example"},
        {"aud": "another"},
        {"aud": None},
        {"iat": None},
        {"iat": NOW + 60},
        {"iat": NOW - 700},
        {"exp": NOW - 60},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"sid": None},
        {"sid": 7},
        {"sid": "a\0b"},
        {"sub": ""},
        {"nonce": "n1"},
        {"events": None},
        {"events": {}},
        {"events": {LOGOUT: "yes"}},
        {"events": [LOGOUT]},
    ],
)
def test_what_is_no_word_about_a_logout_is_not_taken(changes: dict[str, Any]):
    """ASVS 9.2.1-3, 10.5.5: issuer, audience, times, event, no nonce, and one who is meant."""
    with pytest.raises(NotForUs):
        heard(**changes)


def test_a_token_of_another_kind_is_no_logout():
    """ASVS 9.2.2: what was made for something else ends no session."""
    with pytest.raises(NotForUs):
        heard({"typ": "at+jwt"})
