"""How much credit what a company buys calls for."""

from decimal import Decimal, localcontext
from functools import lru_cache

from services.credit.domain.underwriting.exact import EXACT

OPEN_MAX = 10_000  # orders on average: beyond it nobody orders, and adding up would take long
_SURE = Decimal("0.95")
_MONTH = 30


def need(order: Decimal, orders_a_month: Decimal, days: Decimal) -> Decimal | None:
    """A typical order, and as many more as are open at once on 95 of 100 days (RULES: need); None: nobody can say.

    Buyers order in lumps: the mean of what is bought in the time would be too small for 63 of 100 orders.
    """
    mean = orders_a_month * days / _MONTH
    return order * (1 + poisson_p95(mean)) if 0 <= mean <= OPEN_MAX else None


@lru_cache(4096)  # the same few paces and terms come again and again
def poisson_p95(mean: Decimal) -> int:
    """The smallest number that a Poisson variable of this mean does not exceed in 95 of 100 cases."""
    with localcontext(EXACT):
        probability = (-mean).exp()
        reached, number = probability, 0
        while reached < _SURE:
            number += 1
            probability = probability * mean / number
            reached += probability
    return number
