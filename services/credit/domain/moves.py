"""What gives back a hold, and what an invoice takes of it."""

from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.holds import Action, Hold, State
from services.kernel.money import Money


def release(book: Book, hold: Hold, action: Action = Action.RELEASE) -> Hold:
    """Give back exactly what is still held; return the hold as it was."""
    if hold.held.minor:
        book.change((hold.tenant, hold.account_id), held=-hold.held.minor)
    book.holds[(hold.tenant, hold.order_id)] = hold.move(action, held=Money(0, hold.held.currency))
    return hold


def capture(book: Book, hold: Hold | None, account: Account, amount: Money, *, final: bool) -> tuple[Money, Money]:
    """An invoice is owed: its amount is used, without a guard (shipped is shipped), and its part of the hold is taken.

    Returns what was captured and, after the final invoice, what was left of the hold and is released.
    """
    zero = Money(0, amount.currency)
    captured = min(hold.held, amount) if hold else zero
    key = (account.tenant, account.account_id)
    book.change(key, used=amount.minor, held=-captured.minor)
    if hold is None or hold.state not in (State.HELD, State.PARTIALLY_CAPTURED):
        return captured, zero
    left = hold.held - captured
    released = left if final else zero
    done = final or left.minor == 0
    moved = hold.move(
        Action.CAPTURE_ALL if done else Action.CAPTURE, held=zero if done else left, captured=hold.captured + captured
    )
    book.holds[(hold.tenant, hold.order_id)] = moved
    if released.minor:
        book.change(key, held=-released.minor)
    return captured, released
