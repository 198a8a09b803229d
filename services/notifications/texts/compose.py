"""Makes the messages that people get of a story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from services.kernel.orders import Scope
from services.notifications.domain import quotes
from services.notifications.domain.matrix import MATRIX, Weight
from services.notifications.domain.messages import Action, Message
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import WHOLE_COMPANY, Affects, Detail, Story
from services.notifications.domain.teams import Face
from services.notifications.texts.catalogue import REMEMBERED, Catalogue, catalogue

LINE_MAX = 400  # characters of a subject, and of why somebody hears it


@dataclass(frozen=True, slots=True)
class Names:
    """How the two companies are called."""

    company: str
    seller: str
    # Who of the seller's people answers to the buyer's by name; None: the role does.
    face: Face | None = None

    def of(self, role: Role) -> str:
        """The company in which somebody holds a role."""
        return self.company if role in BUYER_ROLES else self.seller


@dataclass(frozen=True, slots=True)
class Case:
    """Where a story stands in its case."""

    version: int
    # The address that takes replies to the case.
    address: str

    @property
    def track_url(self) -> str:
        """A mail to the case."""
        return f"mailto:{self.address}"


@dataclass(frozen=True, slots=True)
class Telling:
    """A story in one language: what is the same for everybody who reads it, said once."""

    story: Story
    names: Names
    case: Case
    words: Catalogue
    # The sentences of its kind, by their names in the catalogue.
    said: Mapping[str, str]
    affects: str
    # Who answers: as the seller's own people read it, and as the buyer's do.
    owner: str
    face: str

    @classmethod
    def of(cls, story: Story, language: str, names: Names, case: Case) -> "Telling":
        """Say it."""
        words = catalogue(language)
        values: dict[str, Detail] = {
            **story.details,
            "company": names.company,
            "seller": names.seller,
            "by_when": story.by_when,
            "next_update_at": story.next_update_at,
            "scope": _parts(words, story.scopes),
        }
        if asked := story.details.get("asked_kind"):  # what was asked, as it was
            was = words.tell(str(asked), {**values, "by_when": story.details["asked_by"]})
            values |= {"topic": was["subject"], "task": was["act_buyer"]}
        owner = _owner(language, _answers(story), names.seller)
        return cls(
            story=story,
            names=names,
            case=case,
            words=words,
            said=words.tell(story.kind, values),
            affects=_affects(words, story.affects),
            owner=owner,
            face=_face(words, names) or owner,
        )

    def to(self, recipient: Recipient) -> Message:
        """The message that one person gets, with every part of the message contract."""
        story, said = self.story, self.said
        return Message(
            case_version=self.case.version,
            weight=recipient.weight,
            language=self.words.language,
            subject=_bounded(said["subject"]),
            what_happened=said["what_happened"],
            affects=story.affects,
            affects_text=self.affects,
            what_we_do=said["what_we_do"],
            what_you_need_to_do=self._action(recipient),
            owner=self.face if recipient.contact.account_id else self.owner,
            by_when=story.by_when,
            next_update_at=story.next_update_at,
            track_url=self.case.track_url,
            why_you=_bounded(
                _why(self.words.language, recipient.role, recipient.stands_in_for, _place(recipient, self.names))
            ),
        )

    def _action(self, recipient: Recipient) -> Action | None:
        """The one thing that is asked; whoever at the seller steps in for a buyer's role passes it on."""
        if recipient.weight is not Weight.ACT:
            return None
        asked = recipient.stands_in_for or recipient.role
        assert asked is not None, "who is asked to act is asked as somebody"
        link = f"{self.case.track_url}?subject={quote(self.said['subject'])}"
        if asked in BUYER_ROLES and not recipient.contact.account_id:
            words = self.words
            return Action(words.common("hand_over", place=self.names.company, vacant=words.role(asked)), link)
        return Action(self.said["act_buyer" if asked in BUYER_ROLES else "act_seller"], link)


def compose(story: Story, recipients: Sequence[Recipient], names: Names, case: Case) -> list[Message]:
    """Say what happened to everybody who hears of it, each in their language."""
    tellings: dict[str, Telling] = {}
    messages = []
    for recipient in recipients:
        language = recipient.contact.language
        if (telling := tellings.get(language)) is None:
            telling = tellings[language] = Telling.of(story, language, names, case)
        messages.append(telling.to(recipient))
    return messages


def _bounded(line: str) -> str:
    """A line as long as the contract says that it may be (service.proto, Message); names can be long, and several."""
    return line if len(line) <= LINE_MAX else f"{line[: LINE_MAX - 1]}…"


def _affects(words: Catalogue, affects: Affects) -> str:
    parts = {
        "amount": words.money(affects.amount) if affects.amount else "",
        "invoices": ", ".join(filter(None, affects.invoices)),
        "orders": ", ".join(filter(None, affects.orders)),
        "shipment": affects.shipment,
        "case": affects.case,
        "credit_line": words.money(affects.credit_line) if affects.credit_line else "",
    }
    said = [f"{words.common(name)} {text}" for name, text in parts.items() if text]
    return "; ".join([*said, *([words.common("new_orders")] if affects.new_orders else [])])


def _parts(words: Catalogue, scopes: Sequence[Scope]) -> str:
    """To which parts of a company a fact is limited; nothing if it concerns all of it."""
    return "" if WHOLE_COMPANY in scopes else "".join(_scope(words, scope) for scope in scopes)


def _answers(story: Story) -> Role:
    """Who at the seller answers for it: whose it is, where the matrix names several and that one knows."""
    return story.knower if story.knower in SELLER_ROLES else MATRIX[story.kind].owner


@lru_cache(REMEMBERED)
def _owner(language: str, role: Role, seller: str) -> str:
    words = catalogue(language)
    return words.common("owner_of", role=words.role(role), seller=seller)


def _face(words: Catalogue, names: Names) -> str:
    """Who answers by name: a mark stands in its place, so that who is forgotten is forgotten here too."""
    face = names.face
    if face is None:
        return ""
    person, away = quotes.name(face.contact_id), quotes.name(face.instead_of)
    if not face.instead_of:
        return words.common("answers", person=person, seller=names.seller)
    if face.until is None:
        return words.common("answers_for", person=person, seller=names.seller, away=away)
    return words.common("answers_until", person=person, seller=names.seller, away=away, until=face.until)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody is, and where the role is for which they step in."""

    company: str
    vacant: str
    scope: Scope


def _place(recipient: Recipient, names: Names) -> _Place:
    contact, vacant = recipient.contact, recipient.stands_in_for
    company = names.company if contact.account_id else names.seller
    return _Place(company, names.of(vacant) if vacant else "", contact.scope)


@lru_cache(REMEMBERED)
def _why(language: str, role: Role | None, vacant: Role | None, place: _Place) -> str:
    words = catalogue(language)
    company, scope = place.company, _scope(words, place.scope)
    if role is None:
        return words.common("why_document", company=company, scope=scope)
    if vacant is None:
        return words.common("why_role", role=words.role(role), company=company, scope=scope)
    return words.common(
        "why_stand_in",
        role=words.role(role),
        company=company,
        vacant=words.role(vacant),
        place=place.vacant,
        scope=scope,
    )


def _scope(words: Catalogue, scope: Scope) -> str:
    named = {"site": scope.site, "cost_centre": scope.cost_centre, "purchase_order": scope.purchase_order}
    parts = ", ".join(words.common(name, value=value) for name, value in named.items() if value)
    return words.common("scope", parts=parts) if parts else ""
