"""E-mail addresses, phone numbers and websites, in the form in which they are kept and compared; nobody is asked."""

import ipaddress
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from tldextract import TLDExtract

from services.credit.domain.identity.texts import seen
from services.kernel.countries import check_country
from services.kernel.refusals import Invalid, Refusal, quoted

EMAIL, PHONE, WEBSITE = "fact.email", "fact.phone", "fact.website"
_EMAIL_LONGEST, _PHONE_LONGEST, _WEBSITE_LONGEST = 254, 60, 500
_TEXT_LONGEST = 2000
_MAIL_IN_TEXT = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_SCHEME = re.compile("[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Of a mailbox there whatever dots its name is written with is the same one.
_DOTS_DO_NOT_COUNT = frozenset({"gmail.com", "googlemail.com"})
# The list of public suffixes that comes with the library: nothing is fetched, nothing is kept on disk.
_SUFFIXES = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


@dataclass(frozen=True, slots=True)
class Email:
    """An address as it is written to, and what it tells."""

    address: str
    # Who reads it, in lower case and without what a person may add to it as they like: "jo+shop@…" is "jo@…".
    mailbox: str
    # What its holder registered: "acme.co.uk" of "x@mail.acme.co.uk", in ASCII.
    domain: str
    free: bool
    disposable: bool
    role: bool


def email(text: str) -> Email:
    """An e-mail address (RFC 5321, 6531); whether it exists, only a message to it can tell."""
    shown = seen(text, EMAIL, _EMAIL_LONGEST)
    try:
        judged = validate_email(shown, check_deliverability=False, strict=True)
    except EmailNotValidError as invalid:
        raise Invalid(EMAIL, f"{quoted(text)} is not an e-mail address") from invalid
    host = str(judged.ascii_domain).lower()
    own, known = registrable(host), _known()
    name = judged.local_part.lower().partition("+")[0] or judged.local_part.lower()
    if own in _DOTS_DO_NOT_COUNT:
        name = name.replace(".", "")
    return Email(
        address=judged.normalized,
        mailbox=f"{name}@{host}",
        domain=own,
        free=own in known["free"],
        disposable=own in known["disposable"],
        role=name in known["role"],
    )


def phone(text: str, country: str) -> str:
    """A phone number, such as people in a country write it, as E.164: "+493012345678"."""
    check_country(country)
    shown = seen(text, PHONE, _PHONE_LONGEST)
    try:
        number = phonenumbers.parse(shown, country)
    except phonenumbers.NumberParseException as invalid:
        raise Invalid(PHONE, f"{quoted(text)} is not a phone number") from invalid
    if not phonenumbers.is_valid_number(number):
        raise Invalid(PHONE, f"{quoted(text)} is not a phone number of {country}")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def website(text: str) -> str:
    """The domain that a website's holder registered: "acme.co.uk" of "https://shop.acme.co.uk/en", in ASCII."""
    shown = seen(text, WEBSITE, _WEBSITE_LONGEST)
    try:
        parts = urlsplit(shown if _SCHEME.match(shown) else f"https://{shown}")
        host = idna.encode((parts.hostname or "").rstrip("."), uts46=True).decode().lower()
    except (ValueError, idna.IDNAError) as invalid:
        raise Invalid(WEBSITE, f"{quoted(text)} is not the address of a website") from invalid
    if parts.scheme not in ("http", "https") or parts.username is not None or "." not in host or _is_address(host):
        raise Invalid(WEBSITE, f"{quoted(text)} is not the address of a website")
    if _SUFFIXES(host).suffix == host:
        raise Invalid(WEBSITE, f"{quoted(text)} is nobody's: everybody registers below it")
    return registrable(host)


def domain_of(address: str) -> str:
    """The domain that an address of mail, or of a website, is at: what its holder registered; "" where there is none."""
    host = address.rpartition("@")[2]
    if host == address:
        try:
            return website(address) if address else ""
        except Refusal:
            return ""
    try:
        return registrable(idna.encode(host.strip().rstrip("."), uts46=True).decode().lower()) if "." in host else ""
    except (UnicodeError, idna.IDNAError):
        return ""


def reached(text: str, country: str) -> tuple[list[str], list[str]]:
    """Addresses of mail and phone numbers (E.164) that stand somewhere in a text, such as a reference."""
    found = [match.strip(".") for match in _MAIL_IN_TEXT.findall(text[:_TEXT_LONGEST])]
    numbers = phonenumbers.PhoneNumberMatcher(text[:_TEXT_LONGEST], country)
    form = phonenumbers.PhoneNumberFormat.E164
    return found, [str(phonenumbers.format_number(match.number, form)) for match in numbers]


def everybodys(domain: str) -> bool:
    """Whether anybody can have an address there: it says nothing about who a company is."""
    known = _known()
    return domain in known["free"] or domain in known["disposable"]


def registrable(host: str) -> str:
    """What somebody registered of a host's name: one label more than the public suffix; below one that is not known, two."""
    return _SUFFIXES(host).top_domain_under_public_suffix or ".".join(host.split(".")[-2:])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True


@cache
def _known() -> dict[str, frozenset[str]]:
    lists: dict[str, Any] = tomllib.loads(files(__package__).joinpath("mail.toml").read_text(encoding="utf-8"))
    return {kind: frozenset(names) for kind, names in lists.items()}
