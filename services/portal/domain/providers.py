"""What a provider says of whom it lets in: read, and refused where it is not for us (OpenID Connect Core 1.0, 3.1.3.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Of ID tokens: what is signed with a key that the provider alone has.
ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY_S = 30


class NotForUs(Exception):  # noqa: N818 - what is found of it
    """An ID token that is none, not ours, or not of now."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider lets in."""

    subject: str
    # "" where it has not verified any.
    address: str
    groups: frozenset[str]


def vouched(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float) -> Vouched:
    """Whom an ID token, whose signature was verified, is about; raises NotForUs."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    subject, expires, issued = claims.get("sub"), claims.get("exp"), claims.get("iat")
    if claims.get("iss") != issuer or not isinstance(audiences, list) or client_id not in audiences:
        raise NotForUs("issuer or audience")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise NotForUs("authorized party")
    if not isinstance(expires, (int, float)) or not isinstance(issued, (int, float)):
        raise NotForUs("times")
    if not issued - LEEWAY_S <= now <= expires + LEEWAY_S:
        raise NotForUs("times")
    if not nonce or claims.get("nonce") != nonce:
        raise NotForUs("nonce")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise NotForUs("subject")
    address = claims.get("email") if claims.get("email_verified") is True else ""
    groups = claims.get("groups", [])
    return Vouched(
        subject,
        address if isinstance(address, str) else "",
        frozenset(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else frozenset(),
    )


def roles_left(groups: frozenset[str], mapping: Mapping[str, Sequence[str]]) -> list[str] | None:
    """What a provider's groups leave of somebody's roles; None: all, where it was not said what they mean."""
    return sorted({role for group in groups for role in mapping.get(group, ())}) if mapping else None
