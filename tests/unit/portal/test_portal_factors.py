"""Codes of an app, and what is sealed for a page."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pyotp
import pytest
from pydantic import SecretStr

from services.portal.domain.factors import step_of
from services.portal.settings import Settings
from services.portal.usecases.door import Door

NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.mark.parametrize(("seconds", "is_good"), [(-75, False), (-30, True), (0, True), (30, True), (75, False)])
def test_a_code_is_good_in_its_step_and_the_two_beside_it(seconds: int, is_good: bool):
    """ASVS 6.5.5: a code is good for a short time."""
    code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=seconds))

    assert (step_of(SECRET, code, NOW) is not None) == is_good


def test_a_code_may_be_typed_in_two_halves():
    code = pyotp.TOTP(SECRET).at(NOW)

    assert step_of(SECRET, f"{code[:3]} {code[3:]}", NOW) == int(NOW.timestamp()) // 30


@pytest.mark.parametrize("typed", ["", "000", "abcdef", "１２３４５６", "9" * 100])
def test_what_is_no_code_is_none(typed: str):
    assert step_of(SECRET, typed, NOW) is None


def a_door(secret: str = "a secret of thirty-two characters") -> Door:
    settings_of: Any = Settings  # whose other fields have defaults
    settings = settings_of(database_url=SecretStr("postgresql://u@localhost/d"), portal_secret=SecretStr(secret))
    return Door(cast(Any, None), cast(Any, None), settings)


def test_what_is_sealed_opens_with_the_same_words_and_the_same_key_alone():
    sealed = a_door().seal(b"JBSWY3DP", "acme", "totp", "login-1")

    assert a_door().unseal(sealed, "acme", "totp", "login-1") == b"JBSWY3DP"
    assert a_door().unseal(sealed, "acme", "totp", "login-2") is None
    assert a_door("another secret of as many letters").unseal(sealed, "acme", "totp", "login-1") is None
    assert a_door().unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), "acme", "totp", "login-1") is None
    assert a_door().unseal(b"", "acme", "totp", "login-1") is None
