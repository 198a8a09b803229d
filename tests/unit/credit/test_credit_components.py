"""What an account owes and has reserved, by kind, comes to what it uses and holds."""

from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain.exposure import Component, components

MINOR = st.integers(-(10**9), 10**9)
KEPT = st.integers(0, 10**9)


@given(used=MINOR, held=KEPT, unapplied=KEPT, kept=KEPT, share=st.floats(0, 1))
def test_the_parts_come_to_what_is_used_and_held(used: int, held: int, unapplied: int, kept: int, share: float):
    parts = components(used, held, unapplied, kept, int(held * share))

    less = parts.pop(Component.UNAPPLIED) + parts.pop(Component.CREDITS)
    assert sum(parts.values()) - less == used + held
    assert parts[Component.DELIVERED] + parts[Component.RESERVED] == held
