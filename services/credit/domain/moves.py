"""What gives back a hold, what ships of it, and what an invoice takes of it."""

from dataclasses import replace

from services.credit.domain.book import Book
from services.credit.domain.holds import OPEN, Action, Hold, State
from services.kernel.money import Money
from services.kernel.refusals import Conflict


def own(hold: Hold, account_id: str) -> Hold:
    """Return the order's hold itself; refuse what another account says of the order."""
    if hold.account_id != account_id:
        raise Conflict("order.account_changed", "an order stays with the account that placed it")
    return hold


def release(book: Book, hold: Hold, action: Action = Action.RELEASE) -> Hold:
    """Give back exactly what is still held; return the hold as it was."""
    if hold.held.minor:
        book.change((hold.tenant, hold.account_id), held=-hold.reserves)
    book.holds[(hold.tenant, hold.order_id)] = hold.move(action, held=Money(0, hold.held.currency))
    if hold.state is State.REFERRED:
        book.answered.add((hold.tenant, hold.order_id, hold.version))
    return hold


def cancel(book: Book, hold: Hold) -> bool:
    """Give back an order's hold; return whether it was.

    Not while something of it has shipped that the ledger has not told yet: that is owed soon. The invoices then take
    theirs, and the last of them gives back the rest.
    """
    if hold.state not in OPEN:
        return False
    if hold.held.minor and book.shipped(hold) > hold.invoiced:
        book.holds[(hold.tenant, hold.order_id)] = replace(hold, cancelled=True)
        return False
    release(book, hold)
    return True


def refuse(book: Book, hold: Hold) -> bool:
    """Give back the hold of an order that cannot be invoiced; return whether it was.

    Not if something of it has shipped: that will be owed, by a corrected version of the order.
    """
    if hold.state not in OPEN or book.shipped(hold):
        return False
    release(book, hold)
    return True


def ship(book: Book, hold: Hold) -> None:
    """Something of the order has left: what is held for it counts until it is invoiced, however long that takes."""
    if hold.held.minor and book.shipped(hold):
        book.holds[(hold.tenant, hold.order_id)] = replace(hold, expires_at=None)


def capture(book: Book, hold: Hold, amount: Money, *, final: bool) -> tuple[Money, Money]:
    """An invoice is owed: its part of the hold is taken.

    Returns what was captured and, after the last invoice, what was left of the hold and is released. An invoice in another
    currency than the order's takes nothing of it.
    """
    zero = Money(0, hold.amount.currency)
    if amount.currency != zero.currency:
        amount = zero
    key = (hold.tenant, hold.order_id)
    counted = replace(hold, invoiced=hold.invoiced + 1)
    book.holds[key] = counted
    if hold.state not in (State.HELD, State.PARTIALLY_CAPTURED):
        return zero, zero
    captured = min(hold.held, amount)
    left = hold.held - captured
    last = final or (hold.cancelled and book.shipped(counted) <= counted.invoiced)
    done = last or left.minor == 0
    book.holds[key] = counted.move(
        Action.CAPTURE_ALL if done else Action.CAPTURE, held=zero if done else left, captured=hold.captured + captured
    )
    released = left if last else zero
    if captured.minor or released.minor:
        book.change((hold.tenant, hold.account_id), held=book.holds[key].reserves - hold.reserves)
    return captured, released
