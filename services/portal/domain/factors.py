"""Codes of an app (RFC 6238): which are good now, and which step of time one is of."""

import hmac
from datetime import UTC, datetime

import pyotp

STEP_S = 30
WINDOW = 1  # steps by which clocks may differ


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The step of time whose code this is, around now; None if it is none of them."""
    digits = "".join(code.split())
    now, totp = int(at.timestamp()) // STEP_S, pyotp.TOTP(secret, interval=STEP_S)
    for step in range(now - WINDOW, now + WINDOW + 1):
        if hmac.compare_digest(totp.at(datetime.fromtimestamp(step * STEP_S, UTC)).encode(), digits.encode()):
            return step
    return None
