"""The requests we refuse, each with a code that is stable and public."""

QUOTED_MAX = 60  # characters of an input that a refusal repeats: its answer must fit a header


def quoted(text: str) -> str:
    """As much of an input as a refusal repeats, with what cannot be seen written out."""
    return repr(text) if len(text) <= QUOTED_MAX else f"{text[:QUOTED_MAX]!r} …"


class Refusal(Exception):  # noqa: N818 - a refusal is a word of the trade, not a defect
    """A request that is not carried out; the code is for programs, the message for people.

    A business outcome (declined, referred) is not a refusal but a value; a broken invariant is an assertion.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(Refusal):
    """The request itself makes no sense, whatever the state (gRPC INVALID_ARGUMENT, HTTP 400)."""


class Unauthenticated(Refusal):
    """Nobody known vouches for whoever asks (gRPC UNAUTHENTICATED, HTTP 401)."""


class Forbidden(Refusal):
    """Whoever asks is known, and may not (gRPC PERMISSION_DENIED, HTTP 403)."""


class NotFound(Refusal):
    """Nothing by that id, as far as this tenant may know (gRPC NOT_FOUND, HTTP 404)."""


class Conflict(Refusal):
    """The request does not fit the state in which things are (gRPC FAILED_PRECONDITION, HTTP 409)."""


class KeyReused(Refusal):
    """An idempotency key or an event id came again with another body (gRPC ALREADY_EXISTS, HTTP 409)."""


class Early(Refusal):
    """What the request refers to is not known yet; it is handled when that arrives.

    `waits_for` is the subject of the missing partner's event, such as "order/o1".
    """

    def __init__(self, waits_for: str) -> None:
        super().__init__("event.early", f"waits for {waits_for[:QUOTED_MAX]}")
        self.waits_for = waits_for
