"""What people paste into a field, before it is judged."""

import unicodedata

from services.kernel.refusals import Invalid, quoted

_SEPARATORS = frozenset("-–—./_,:'’()")


def seen(text: str, code: str, longest: int) -> str:
    """A text in its usual form (NFKC) without what cannot be seen and with single spaces.

    Refused with `code`: one that is empty, longer than so many characters, or has control characters.
    """
    if len(text) > longest:
        raise Invalid(code, f"at most {longest} characters")
    usual = unicodedata.normalize("NFKC", text)
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") and not char.isspace() for char in usual):
        raise Invalid(code, f"{quoted(text)} has characters that nobody writes")
    shown = " ".join("".join(char for char in usual if unicodedata.category(char) != "Cf").split())
    if not shown:
        raise Invalid(code, "there is nothing in it")
    return shown


def compact(text: str, code: str, longest: int) -> str:
    """A number without spaces and separators, in capitals; refused with `code` unless it is letters and digits of ASCII."""
    shown = seen(text, code, longest)
    dense = "".join(char for char in shown if char != " " and char not in _SEPARATORS).upper()
    if not dense.isascii() or not dense.isalnum():
        raise Invalid(code, f"{quoted(text)} has more than letters and digits")
    return dense
