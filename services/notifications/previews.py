"""Shows each mail as it is mailed: every kind in every language, of the sample (samples.py), so that people can look at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.header import decode_header, make_header
from functools import cache

from receivables.notifications.v1 import letters_pb2

from services.kernel.refusals import Invalid, NotFound, quoted
from services.notifications import links, notices, samples
from services.notifications.domain import routing
from services.notifications.domain.contacts import LANGUAGES, Contact
from services.notifications.domain.delivery import State
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, Role
from services.notifications.domain.routing import House, Recipient
from services.notifications.domain.stories import Story
from services.notifications.letters import letter, link, notice, portal
from services.notifications.settings import Settings
from services.notifications.store import Mail, NewMessage
from services.notifications.texts.compose import Case, Names, compose
from services.notifications.usecases import row_of

DIGEST = "digest"
COMPANY, SELLER = "Acme Ltd", "Nordwind GmbH"
_TOKEN = "0" * 32  # of a case, and of whoever declines: nobody's


@dataclass(frozen=True, slots=True)
class Letter:
    """One of the mails that there are."""

    kind: str
    # From 1: one kind may say different things.
    nth: int
    subject: str
    # As what its reader hears it, and how loudly; '': it is no message of a story.
    role: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as its reader gets it: each header a line, both parts."""

    letter: Letter
    headers: Sequence[str]
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class _For:
    """To whom, and in whose name."""

    language: str
    tenant: str
    seller: str


@dataclass(frozen=True, slots=True)
class Press:
    """What prints mails, with the addresses that real ones have."""

    sender: str
    domain: str
    portal_url: str
    hears: bool

    @classmethod
    def of(cls, settings: Settings) -> "Press":
        """As the settings say; where there is no portal, mails lead nowhere."""
        hears = bool(settings.mail_port)
        return cls(settings.mail_from, settings.reply_domain, settings.portal_url, hears)

    def preview(
        self, kind: str, language: str, nth: int = 1, tenant: str = samples.TENANT, seller: str = ""
    ) -> Preview:
        """One mail; refuses a language that we do not write, and what is no mail of ours."""
        known = _samples(_written(language)).get(kind, [])
        if not 1 <= nth <= len(known):
            raise NotFound("letter.unknown", f"no mail {quoted(kind)} {nth}")
        sample = known[nth - 1]
        to = _For(language, tenant, seller or SELLER)
        mail = message_from_bytes(sample.write(self, to))
        shown = Letter(kind, nth, sample.subject(self, to), sample.role, sample.weight)
        headers = [f"{name}: {_read(value)}" for name, value in mail.items()]
        texts = {part.get_content_subtype(): part.get_payload(decode=True) for part in mail.walk()}
        return Preview(
            shown, headers, *(bytes(texts[kind]).decode().replace("\r\n", "\n") for kind in ("html", "plain"))
        )


@dataclass(frozen=True, slots=True)
class _Sample:
    """One mail that can be shown."""

    write: Callable[[Press, _For], bytes]
    # What its story is called, which may travel in a digest; None: what the mail is.
    title: Callable[[_For], str] | None = None
    role: str = ""
    weight: str = ""

    def subject(self, press: Press, to: _For) -> str:
        """What it is about, in a line."""
        if self.title is not None:
            return self.title(to)
        head, _, _ = self.write(press, to).partition(b"\r\n\r\n")
        return _read(message_from_bytes(head)["Subject"])


@cache
def listed(language: str) -> Sequence[Letter]:
    """All mails that there are; refuses a language that we do not write."""
    press = Press(sender="post@nordwind.example", domain="nordwind.example", portal_url="", hears=False)
    known, to = _samples(_written(language)), _For(language, samples.TENANT, SELLER)
    return [
        Letter(kind, nth, sample.subject(press, to), sample.role, sample.weight)
        for kind, alike in known.items()
        for nth, sample in enumerate(alike, start=1)
    ]


def message(one: Letter) -> letters_pb2.Letter:
    """A mail, to list."""
    return letters_pb2.Letter(kind=one.kind, nth=one.nth, subject=one.subject, role=one.role, weight=one.weight)


def _written(language: str) -> str:
    if language not in LANGUAGES:
        raise Invalid("contact.language_unknown", f"we write in {', '.join(LANGUAGES)}")
    return language


@cache
def _samples(language: str) -> dict[str, list[_Sample]]:
    """All, by kind: stories as the matrix names them, a digest, links, notices."""
    found: dict[str, list[_Sample]] = {kind.value: [] for kind in Kind}
    for story in samples.every_story():
        found[story.kind.value] += [_of_story(story, recipient) for recipient in _different(story, language)]
    found[DIGEST] = [_Sample(_digest)]
    for kind in links.KINDS.values():
        found[f"link_{kind.lower()}"] = [_Sample(_of_link(kind))]
    for kind in notices.SAYS:
        found[f"notice_{kind.lower()}"] = [_Sample(_of_notice(kind))]
    return {kind: known for kind, known in found.items() if known}


def _different(story: Story, language: str) -> list[Recipient]:
    """Of those who hear a story one for each mail that reads differently: the buyer's and the seller's, asked or informed."""
    recipients: dict[tuple[bool, str], Recipient] = {}
    for recipient in _heard(story, language):
        recipients.setdefault((bool(recipient.contact.account_id), recipient.weight), recipient)
    return list(recipients.values())


def _heard(story: Story, language: str) -> Sequence[Recipient]:
    """Who hears a story where each role is held by somebody else."""
    buyers = [_reader(role, samples.ACCOUNT, language) for role in sorted(BUYER_ROLES)]
    sellers = [_reader(role, "", language) for role in sorted(SELLER_ROLES)]
    return routing.route(story, House(buyers), House(sellers)).recipients


def _reader(role: Role, account: str, language: str) -> Contact:
    person = samples.a_person if account else samples.a_colleague
    return person(role.lower(), role, name="Cleo Clerk" if account else "Sam Seller", language=language)


def _of_story(story: Story, recipient: Recipient) -> _Sample:
    def write(press: Press, to: _For) -> bytes:
        row = _row(story, recipient, to)
        key = story.fact if recipient.at_once else f"{DIGEST}/{row.told_on}"
        return _mailed(press, recipient.contact, key, [row])

    return _Sample(write, lambda to: _row(story, recipient, to).subject, recipient.role or "", recipient.weight)


def _digest(press: Press, to: _For) -> bytes:
    """A day's news of somebody who orders."""
    told = [samples.decided(), samples.shipped(), samples.invoice(), samples.dispute_opened(), samples.credit_note()]
    stories = [story for event in told if (story := samples.story_of(event)) is not None]
    heard = [
        (story, recipient)
        for story in stories
        for recipient in _heard(story, to.language)
        if recipient.role is Role.REQUESTER
    ]
    rows = [_row(story, recipient, to) for story, recipient in heard]
    return _mailed(press, heard[0][1].contact, f"{DIGEST}/{rows[0].told_on}", rows)


def _row(story: Story, recipient: Recipient, to: _For) -> NewMessage:
    story = replace(story, tenant=to.tenant, fact=story.fact or story.kind.value)
    case = Case(1, f"case+{_TOKEN}@{to.tenant}.example")
    [message_] = compose(story, [recipient], Names(COMPANY, to.seller), case)
    [post] = routing.posted([recipient])
    return row_of(story, post, to.seller, message_, created_at=samples.MONDAY_10, due_at=samples.MONDAY_10)


def _mailed(press: Press, person: Contact, key: str, rows: Sequence[NewMessage]) -> bytes:
    mail = Mail(
        tenant=rows[0].tenant,
        contact_id=person.contact_id,
        key=key,
        due_at=samples.MONDAY_10,
        state=State.QUEUED,
        attempts=1,
        name=person.name,
        email=person.email,
        language=person.language,
        messages=tuple(rows),
        decline_token=_TOKEN,
    )
    return letter.write(
        mail, [], sender=press.sender, domain=press.domain, portal_url=press.portal_url, hears=press.hears
    )


def _of_link(kind: str) -> Callable[[Press, _For], bytes]:
    def write(press: Press, to: _For) -> bytes:
        one = samples.a_link(kind, _person(to), _page(press, to), seller=to.seller)
        return link.write(one, sender=press.sender, domain=press.domain)

    return write


def _of_notice(kind: str) -> Callable[[Press, _For], bytes]:
    def write(press: Press, to: _For) -> bytes:
        one = samples.a_notice(kind, _person(to), _page(press, to), seller=to.seller)
        return notice.write(one, sender=press.sender, domain=press.domain)

    return write


def _person(to: _For) -> Contact:
    return replace(_reader(Role.AP_CLERK, samples.ACCOUNT, to.language), tenant=to.tenant)


def _page(press: Press, to: _For) -> str:
    """A page that is nobody's."""
    return f"{portal.root(press.portal_url, to.tenant) or 'https://portal.example'}/in/{_TOKEN}"


def _read(header: str) -> str:
    """What a header says, on one line."""
    return " ".join(str(make_header(decode_header(header))).split())
