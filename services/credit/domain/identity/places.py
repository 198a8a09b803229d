"""Where goods go, in the form in which places are compared."""

import re
from functools import lru_cache

from services.credit.domain.identity.names import plain_words
from services.kernel.orders import Address

# What is shortened, and differently each time.
_STREETS = {
    "str": "strasse",
    "st": "street",
    "rd": "road",
    "ave": "avenue",
    "av": "avenue",
    "blvd": "boulevard",
    "bd": "boulevard",
    "ln": "lane",
    "dr": "drive",
    "pl": "place",
}
_GERMAN_STREET = re.compile(r"str$")


@lru_cache(10_000)
def place(address: Address) -> str:
    """A place: country, post code (the city where there is none) and the words of its street, whatever their order. "": none is said."""
    code = "".join(plain_words(address.post_code)) or " ".join(plain_words(address.city))
    street = sorted(_GERMAN_STREET.sub("strasse", _STREETS.get(word, word)) for word in plain_words(address.street))
    return " ".join((address.country, code, *street)) if code and street else ""
