"""Whether mail of ours is believed by who receives it: what a domain says of it in the DNS (RULES: believed)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOOKUPS_MAX = 10  # names that whoever checks a record asks for at most (RFC 7208, 4.6.4)
_ASKS = ("include", "a", "mx", "ptr", "exists", "redirect")
_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Said:
    """What was found in the DNS; each text as a list, since there may be none, or too many."""

    # Of which the mail is (AR_MAIL_FROM), and to which reports of it go (AR_REPLY_DOMAIN).
    domain: str
    envelope: str
    # Texts of the envelope's domain, and who takes mail there.
    envelope_texts: Sequence[str]
    envelope_mx: Sequence[str]
    # By selector: texts of `<selector>._domainkey.<domain>`.
    keys: Mapping[str, Sequence[str]]
    # Where a policy was found, from the domain upwards, and the texts there.
    policy_domain: str
    policy_texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    words: str


def judge(said: Said) -> list[Finding]:
    """All of it, in the order in which it is set up."""
    tags = _tags(_one(said.policy_texts, "v=dmarc1") or "")
    return [
        _spf(said.envelope, said.envelope_texts),
        *[_dkim(said.domain, selector, texts) for selector, texts in said.keys.items()],
        *(
            []
            if said.keys
            else [Finding("DKIM", is_well=False, words="name the selector by which the mail server signs")]
        ),
        _dmarc(said, tags),
        _aligned(said, tags),
        _reports(said),
    ]


def _spf(domain: str, texts: Sequence[str]) -> Finding:
    """Who may send mail in the envelope's name (RFC 7208)."""
    record = _one(texts, "v=spf1")
    if record is None:
        return Finding("SPF", is_well=False, words=f"{domain} has no text, or several, that begin with v=spf1")
    terms = [term.lower() for term in record.split()[1:]]
    asked = sum(_name_of(term) in _ASKS for term in terms)
    if asked > LOOKUPS_MAX:
        return Finding("SPF", is_well=False, words=f"{asked} names are asked for where {LOOKUPS_MAX} are allowed")
    ends = next((term for term in terms if _name_of(term) in ("all", "redirect")), "")
    is_well = ends.startswith(("-all", "~all", "redirect="))
    return Finding("SPF", is_well, record if is_well else f"{record}: end it with -all, so that others may not send")


def _dkim(domain: str, selector: str, texts: Sequence[str]) -> Finding:
    """By which key mail is signed (RFC 6376)."""
    key = next((tags["p"] for text in texts if "p" in (tags := _tags(text))), None)
    place = f"{selector}._domainkey.{domain}"
    if key is None:
        return Finding("DKIM", is_well=False, words=f"{place} has no key")
    return Finding("DKIM", bool(key), place if key else f"the key of {place} was revoked")


def _dmarc(said: Said, tags: Mapping[str, str]) -> Finding:
    """What is done with mail that neither vouches for (RFC 7489)."""
    policy = tags.get("p", "").lower()
    if policy not in _POLICIES:
        words = f"_dmarc.{said.domain} has no text, or several, that begin with v=DMARC1 and have a policy (p=)"
        return Finding("DMARC", is_well=False, words=words)
    if policy == "none":
        words = f"p=none at {said.policy_domain} watches alone: anybody can still write in your name"
        return Finding("DMARC", is_well=False, words=words)
    return Finding("DMARC", is_well=True, words=f"p={policy} at {said.policy_domain}")


def _aligned(said: Said, tags: Mapping[str, str]) -> Finding:
    """Whether who vouches for the envelope vouches for whom the mail is from (RFC 7489, 3.1)."""
    strict = tags.get("aspf", "r").lower() == "s"
    top = said.policy_domain or said.domain
    same = said.envelope == said.domain
    under = (said.envelope == top or said.envelope.endswith(f".{top}")) and not strict
    if same or under:
        return Finding("alignment", is_well=True, words=f"{said.envelope} vouches for {said.domain}")
    words = f"{said.envelope} (AR_REPLY_DOMAIN) does not vouch for {said.domain} (AR_MAIL_FROM): take " + (
        "the same, or aspf=r" if strict else f"a name below {top}"
    )
    return Finding("alignment", is_well=False, words=words)


def _reports(said: Said) -> Finding:
    """Whether somebody takes replies, and reports of mail that could not be delivered."""
    if not said.envelope_mx:
        return Finding("MX", is_well=False, words=f"nobody takes mail for {said.envelope}")
    return Finding("MX", is_well=True, words=", ".join(said.envelope_mx))


def _one(texts: Sequence[str], begins: str) -> str | None:
    """The one text that begins so; several are as good as none."""
    found = [text for text in texts if text.lower().replace(" ", "").startswith(begins)]
    return found[0] if len(found) == 1 else None


def _name_of(term: str) -> str:
    """Of "-include:x" or "redirect=x" the word."""
    return term.lstrip("+-~?").partition(":")[0].partition("=")[0].partition("/")[0]


def _tags(text: str) -> dict[str, str]:
    """A record's tags: "v=DMARC1; p=reject"."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}
