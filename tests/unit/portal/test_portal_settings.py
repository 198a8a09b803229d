"""What the portal does not start with."""

import pytest

from services.chassis.settings import load
from services.portal.settings import Settings


@pytest.mark.parametrize("secret", ["", "x" * 31, "ä" * 15])
def test_a_secret_that_could_be_guessed_is_none_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch, secret: str):
    """ASVS 11.2.3, 13.3.1: 32 bytes or more, said before anything begins."""
    monkeypatch.setenv("AR_DATABASE_URL", "postgresql:///x?host=/run")
    monkeypatch.setenv("AR_PORTAL_SECRET", secret)

    with pytest.raises(SystemExit) as refused:
        load(Settings)

    assert "AR_PORTAL_SECRET" in str(refused.value)
    assert "fewer than 32 bytes" in str(refused.value)
    assert not secret or secret not in str(refused.value)


def test_a_secret_of_thirty_two_bytes_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AR_DATABASE_URL", "postgresql:///x?host=/run")
    monkeypatch.setenv("AR_PORTAL_SECRET", "ä" * 16)

    assert load(Settings).portal_secret.get_secret_value() == "ä" * 16
