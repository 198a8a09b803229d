"""Who leaves hands over: what a successor takes, and what the leaver keeps, which is nothing (RULES: succession)."""

from dataclasses import replace

from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid
from services.notifications.domain.contacts import Contact


def succeed(leaver: Contact, successor: Contact) -> tuple[Contact, Contact]:
    """Both as they are afterwards: the leaver without a role, the successor with those of both, of all that both were of."""
    if leaver.contact_id == successor.contact_id:
        raise Invalid("contact.succeeds_oneself", "who leaves hands over to somebody else")
    if leaver.account_id != successor.account_id:
        raise Invalid("contact.successor_elsewhere", "a successor is of the same company")
    if successor.suspended:
        raise Conflict("contact.successor_unreachable", "mail to the successor's address came back: correct it first")
    if not leaver.roles:
        raise Conflict("contact.nothing_to_hand_over", "they have no role any more, and nothing to hand over")
    after = replace(
        successor,
        roles=tuple(dict.fromkeys((*successor.roles, *leaver.roles))),
        scope=_of_both(leaver, successor),
        wants_document=leaver.wants_document or successor.wants_document,
    )
    return replace(leaver, roles=(), wants_document=False, successor=successor.contact_id), after


def _of_both(leaver: Contact, successor: Contact) -> Scope:
    """The smallest part of the company in which both parts are; who heard of nothing was of no part."""
    if not successor.roles and not successor.wants_document:
        return leaver.scope
    one, other = leaver.scope, successor.scope
    return Scope(
        one.site if one.site == other.site else "",
        one.cost_centre if one.cost_centre == other.cost_centre else "",
        one.purchase_order if one.purchase_order == other.purchase_order else "",
    )
