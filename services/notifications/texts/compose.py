"""Makes the message that one person gets of a story."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from services.kernel.orders import Scope
from services.notifications.domain.matrix import MATRIX, Weight
from services.notifications.domain.messages import Action, Message
from services.notifications.domain.roles import BUYER_ROLES, Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import Affects, Detail, Story
from services.notifications.texts.catalogue import Catalogue, catalogue


@dataclass(frozen=True, slots=True)
class Names:
    """How the two companies are called."""

    company: str
    seller: str

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
        """Until there is a portal: a mail to the case."""
        return f"mailto:{self.address}"


def compose(story: Story, recipient: Recipient, names: Names, case: Case) -> Message:
    """Say what happened in the person's language, with every part of the message contract."""
    words = catalogue(recipient.contact.language)
    values: dict[str, Detail] = {
        **story.details,
        "company": names.company,
        "seller": names.seller,
        "by_when": story.by_when,
        "next_update_at": story.next_update_at,
    }
    subject = words.say(story.kind, "subject", values)
    return Message(
        case_version=case.version,
        weight=recipient.weight,
        language=words.language,
        subject=subject,
        what_happened=words.say(story.kind, "what_happened", values),
        affects=story.affects,
        affects_text=_affects(words, story.affects),
        what_we_do=words.say(story.kind, "what_we_do", values),
        what_you_need_to_do=_action(
            words, story, recipient, values=values, link=f"{case.track_url}?subject={quote(subject)}"
        ),
        owner=words.common("owner_of", role=words.role(MATRIX[story.kind].owner), seller=names.seller),
        by_when=story.by_when,
        next_update_at=story.next_update_at,
        track_url=case.track_url,
        why_you=_why(words, recipient, names),
    )


def _action(
    words: Catalogue, story: Story, recipient: Recipient, *, values: Mapping[str, Detail], link: str
) -> Action | None:
    """The one thing that is asked; whoever at the seller steps in for a buyer's role passes it on."""
    if recipient.weight is not Weight.ACT:
        return None
    asked = recipient.stands_in_for or recipient.role
    assert asked is not None, "who is asked to act is asked as somebody"
    if asked in BUYER_ROLES and not recipient.contact.account_id:
        return Action(words.common("hand_over", place=values["company"], vacant=words.role(asked)), link)
    return Action(words.say(story.kind, "act_buyer" if asked in BUYER_ROLES else "act_seller", values), link)


def _affects(words: Catalogue, affects: Affects) -> str:
    parts = {
        "amount": words.money(affects.amount) if affects.amount else "",
        "invoices": ", ".join(filter(None, affects.invoices)),
        "orders": ", ".join(filter(None, affects.orders)),
        "shipment": affects.shipment,
        "credit_line": words.money(affects.credit_line) if affects.credit_line else "",
    }
    return "; ".join(f"{words.common(name)} {text}" for name, text in parts.items() if text)


def _why(words: Catalogue, recipient: Recipient, names: Names) -> str:
    contact = recipient.contact
    company = names.company if contact.account_id else names.seller
    scope = _scope(words, contact.scope)
    if recipient.role is None:
        return words.common("why_document", company=company, scope=scope)
    role = words.role(recipient.role)
    if (vacant := recipient.stands_in_for) is not None:
        place = names.of(vacant)
        return words.common(
            "why_stand_in", role=role, company=company, vacant=words.role(vacant), place=place, scope=scope
        )
    return words.common("why_role", role=role, company=company, scope=scope)


def _scope(words: Catalogue, scope: Scope) -> str:
    named = {"site": scope.site, "cost_centre": scope.cost_centre, "purchase_order": scope.purchase_order}
    parts = ", ".join(words.common(name, value=value) for name, value in named.items() if value)
    return words.common("scope", parts=parts) if parts else ""
