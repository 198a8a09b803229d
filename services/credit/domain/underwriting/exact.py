"""How numbers are computed, whatever the process around does: always the same digits."""

from decimal import ROUND_HALF_UP, Context, Decimal

# Nothing is trapped: what is no number any more is not known (expressions.py).
EXACT = Context(prec=34, rounding=ROUND_HALF_UP, Emin=-9999, Emax=9999, capitals=1, clamp=0, traps=[])
# What is computed is below it, or not known: it can be booked in any currency.
LARGEST = Decimal(10**12)
