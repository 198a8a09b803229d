"""What a provider says of whom it lets in: read, and refused where it is not for us (OpenID Connect Core 1.0, 3.1.3.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Of ID tokens: what is signed with a key that the provider alone has.
ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY_S = 30
LOGOUT_S = 600  # after it was written, a word about a session that ended is none any more
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST = 255


class NotForUs(Exception):  # noqa: N818 - what is found of it
    """An ID token that is none, not ours, or not of now."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider lets in."""

    subject: str
    # "" where it has not verified any.
    address: str
    groups: frozenset[str]
    # By what the provider knows the session; "" where it does not say.
    sid: str
    # When they showed the provider who they are (seconds since 1970); 0 where it does not say.
    showed_at: float


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Whose session with a provider has ended, or which, or which of whose."""

    subject: str
    sid: str
    # Of the word itself, which is taken once.
    word_id: str


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
    if not _is_id(subject):
        raise NotForUs("subject")
    address = claims.get("email") if claims.get("email_verified") is True else ""
    groups, sid, showed_at = claims.get("groups", []), claims.get("sid"), claims.get("auth_time")
    return Vouched(
        str(subject),
        address if isinstance(address, str) else "",
        frozenset(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else frozenset(),
        str(sid) if _is_id(sid) else "",
        showed_at if isinstance(showed_at, (int, float)) and 0 <= showed_at <= now + LEEWAY_S else 0,
    )


def logged_out(
    header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str, client_id: str, now: float
) -> LoggedOut:
    """What a logout token, whose signature was verified, says (OpenID Connect Back-Channel Logout 1.0, 2.6); raises NotForUs."""
    audience = claims.get("aud")
    if str(header.get("typ", "logout+jwt")).casefold().removeprefix("application/") not in ("logout+jwt", "jwt"):
        raise NotForUs("type")
    if claims.get("iss") != issuer or client_id not in ([audience] if isinstance(audience, str) else audience or []):
        raise NotForUs("issuer or audience")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, (int, float)) or not isinstance(issued, (int, float)):
        raise NotForUs("times")
    if not issued - LEEWAY_S <= now <= min(expires, issued + LOGOUT_S) + LEEWAY_S:
        raise NotForUs("times")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(LOGOUT), Mapping) or "nonce" in claims:
        raise NotForUs("no word about a logout")
    subject, sid, word_id = claims.get("sub"), claims.get("sid"), claims.get("jti")
    said = [one for one in (subject, sid) if one is not None]
    if not said or not all(map(_is_id, (*said, word_id))):
        raise NotForUs("whom")
    return LoggedOut(str(subject or ""), str(sid or ""), str(word_id))


def _is_id(said: object) -> bool:
    return isinstance(said, str) and 1 <= len(said) <= _LONGEST and said.isprintable()


def roles_left(groups: frozenset[str], mapping: Mapping[str, Sequence[str]]) -> list[str] | None:
    """What a provider's groups leave of somebody's roles; None: all, where it was not said what they mean."""
    return sorted({role for group in groups for role in mapping.get(group, ())}) if mapping else None
