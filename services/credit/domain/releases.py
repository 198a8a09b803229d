"""Orders near their limit that go on without anybody's word, because somebody gave it before for what is alike."""

from dataclasses import replace
from datetime import datetime

from services.credit.domain.book import Book
from services.credit.domain.decisions import Decision, Outcome, of_group, review, seen_of
from services.credit.domain.habits import note
from services.credit.domain.holds import Hold, State
from services.credit.domain.suspicions import kept, reason_of, suspect

# What alone a standing approval lifts: no hold, no doubt and no group's limit is among it.
NEAR = ("near_limit",)
RELEASED = ("standing_approval",)


def may_be_released(book: Book, decision: Decision, at: datetime) -> Hold | None:
    """The hold of an order that was referred as near its account's own limit, if it still is, by all that came since.

    None where it is not: something of it was invoiced, another version came, a group that it is part of has no room, or it
    looks wrong.
    """
    request = decision.request
    hold = book.holds[(request.tenant, request.order_id)]
    account = book.accounts.get((request.tenant, request.account_id))
    if account is None or decision.reasons != NEAR or hold.state is not State.REFERRED:
        return None
    if hold.version != request.version or hold.invoiced:
        return None
    if (taken := book.reserve(request.amount, account)) is None:
        return None
    most = account.headroom + account.referral_band(book.policy_of(request.tenant))
    together = of_group(book, account, taken) or taken
    if not account.headroom < taken <= most or any(together > node.headroom for node in book.nodes_of(account)):
        return None
    buyer = book.buyer_of((request.tenant, request.account_id))
    hits = suspect(book.lending_of(request.tenant), buyer, account.limit, seen_of(request, taken), at)
    return None if reason_of(hits) else hold


def release(book: Book, decision: Decision, hold: Hold) -> Decision:
    """Hold what was referred; the next orders are compared with it, in whichever currency it was."""
    request = decision.request
    approved = review(book, hold, Outcome.APPROVED, decision.decided_by)
    key = (request.tenant, request.account_id)
    seen = seen_of(request, book.holds[(request.tenant, request.order_id)].taken or request.amount)
    book.keep_orders(key, note(book.buyer_of(key).orders, kept(seen, approved=True)))
    return replace(approved, request=request, reasons=RELEASED)
