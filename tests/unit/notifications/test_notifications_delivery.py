"""What becomes of a mail."""

import pytest

from services.notifications.domain import delivery
from services.notifications.domain.delivery import GIVE_UP_ATTEMPTS, Answer, Handed, State


@pytest.mark.parametrize(
    ("code", "answer"),
    [(250, Answer.TAKEN), (421, Answer.NOT_NOW), (451, Answer.NOT_NOW), (550, Answer.NEVER), (554, Answer.NEVER)],
)
def test_an_smtp_reply_says_taken_not_now_or_never(code: int, answer: Answer):
    assert delivery.meaning(code) is answer


@pytest.mark.parametrize("state", [State.ACCEPTED, State.HARD_BOUNCED, State.WITHDRAWN])
@pytest.mark.parametrize("answer", list(Answer))
def test_what_is_final_never_moves_but_that_what_was_taken_may_come_back(state: State, answer: Answer):
    if (state, answer) == (State.ACCEPTED, Answer.NEVER):
        assert delivery.move(state, answer) is State.HARD_BOUNCED
        return
    with pytest.raises(AssertionError):
        delivery.move(state, answer)


def test_what_was_claimed_before_a_crash_is_claimed_again():
    assert delivery.move(State.SENT, Answer.CLAIMED) is State.SENT


def test_only_what_was_handed_over_can_be_taken():
    with pytest.raises(AssertionError):
        delivery.move(State.QUEUED, Answer.TAKEN)


def test_pauses_grow_up_to_an_hour():
    assert [delivery.pause_s(n) for n in (1, 2, 3, 4, 20, 1000)] == [1, 2, 4, 8, 3600, 3600]


def test_an_address_that_is_put_off_for_two_days_is_given_up():
    put_off = Handed(Answer.NOT_NOW, 451)

    assert delivery.judged(put_off, GIVE_UP_ATTEMPTS - 1) is put_off
    assert delivery.judged(put_off, GIVE_UP_ATTEMPTS) == Handed(Answer.NEVER, 451)
    assert sum(delivery.pause_s(n) for n in range(1, GIVE_UP_ATTEMPTS)) > 2 * 24 * 3600


def test_our_own_trouble_is_never_the_addresss_fault():
    assert delivery.judged(Handed(Answer.NOT_NOW), 10_000).answer is Answer.NOT_NOW
