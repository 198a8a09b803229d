"""How numbers are computed, whatever the process around does: always the same digits."""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context

# Nothing is trapped: what is no number any more is not known (expressions.py).
EXACT = Context(prec=34, rounding=ROUND_HALF_UP, Emin=MIN_EMIN, Emax=MAX_EMAX, capitals=1, clamp=0, traps=[])
