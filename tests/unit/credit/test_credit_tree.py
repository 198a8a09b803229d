"""Accounts that owe together: an order fits the whole path or is not approved, and sums are what their parts come to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.credit.domain import decisions, moves
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.decisions import Outcome
from services.credit.domain.holds import OPEN, Action
from services.credit.domain.limits import Grant, Limits, Uplift
from services.credit.domain.tree import Kind, Node, moved, new_node
from services.kernel.money import Money
from services.kernel.refusals import Refusal
from tests.unit.credit.books import NOW, POLICY, a_request, an_account, eur

AMOUNTS = st.integers(1, 60_000)
LIMITS = st.integers(0, 300_000)
PATHS: dict[str, tuple[str, ...]] = {"": (), "p1": ("g", "p1"), "p2": ("g", "p2"), "g": ("g",)}


def a_node(kind: Kind = Kind.GROUP, limit: int = 100_000, parent: Node | None = None, node_id: str = "g") -> Node:
    return new_node("acme", node_id, kind, eur(limit), parent)


def held_by(node: Node, held: int) -> Node:
    return node.change(0, held)


def test_an_order_must_fit_its_account_and_every_node_of_its_path():
    group = held_by(a_node(limit=100_000), 95_000)
    fits = held_by(a_node(limit=100_000), 90_000)

    def judge(amount: int, *nodes: Node, limit: int = 100_000) -> tuple[Outcome, str]:
        return decisions.judge(an_account(limit=limit), eur(amount), POLICY, nodes=nodes)

    assert judge(10_000, fits, fits) == (Outcome.APPROVED, "within_limit")
    assert judge(10_000, fits, group) == (Outcome.REFERRED, "group_limit")
    assert judge(15_001, fits, group) == (Outcome.DECLINED, "group_limit")
    assert judge(10_000, group, limit=9_500) == (Outcome.REFERRED, "near_limit")
    assert judge(15_001, group, limit=14_000) == (Outcome.DECLINED, "group_limit"), "the more careful of both"
    assert judge(15_001, group, limit=1) == (Outcome.DECLINED, "over_limit")


def test_what_an_account_uses_and_holds_each_node_of_its_path_does_too():
    path = ("g", "p1")
    group = a_node()
    parent = a_node(Kind.PARENT, parent=group, node_id="p1")
    book = Book(
        {("acme", "b1"): replace(an_account(), path=path)},
        nodes={("acme", n): one for n, one in zip(path, (group, parent), strict=True)},
    )

    decisions.decide(book, a_request(amount=10_000), NOW)
    book.change(("acme", "b1"), used=500)

    assert [(node.used, node.held) for node in book.nodes.values()] == [(eur(500), eur(10_000))] * 2
    assert book.changed_nodes == set(book.nodes)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: a_node(node_id=""), "node.node_id"),
        (lambda: a_node(node_id="a/b"), "node.node_id"),
        (lambda: a_node(limit=-1), "node.limit_negative"),
        (lambda: a_node(Kind.GROUP, parent=a_node(Kind.GROUP)), "node.kind"),
        (lambda: a_node(Kind.PROGRAMME, parent=a_node(Kind.GROUP)), "node.kind"),
        (lambda: new_node("acme", "p", Kind.PARENT, Money(1, "USD"), a_node()), "node.currency"),
    ],
)
def test_a_node_that_makes_no_sense_is_refused(make: Any, code: str):
    with pytest.raises(Refusal) as refused:
        make()
    assert refused.value.code == code


class Tree(RuleBasedStateMachine):
    """Orders, invoices, payments, limits and moves, in any sequence."""

    def __init__(self) -> None:
        super().__init__()
        group = a_node(limit=150_000)
        parents = [a_node(Kind.PARENT, 100_000, group, node_id) for node_id in ("p1", "p2")]
        accounts = [
            Account("acme", name, eur(80_000), eur(0), eur(0), path=PATHS[part])
            for name, part in (("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", ""))
        ]
        self.book = Book(
            {("acme", one.account_id): one for one in accounts},
            nodes={("acme", node.node_id): node for node in (group, *parents)},
        )
        self.limits = {one.account_id: Limits([Grant(80_000, NOW, None)]) for one in accounts}
        self.now = NOW
        self.count = 0

    def open_orders(self) -> list[str]:
        return sorted(hold.order_id for hold in self.book.holds.values() if hold.state in OPEN)

    @rule(account=st.sampled_from("abcd"), amount=AMOUNTS)
    def an_order_is_placed(self, account: str, amount: int) -> None:
        key = ("acme", account)
        limit = eur(self.limits[account].effective(self.now))
        self.book.accounts[key] = replace(self.book.accounts[key], limit=limit)
        self.count += 1
        request = a_request(f"o{self.count}", amount, account_id=account)
        decision, _ = decisions.decide(self.book, request, self.now)
        after = self.book.accounts[key]
        fits = min([after.headroom, *(node.headroom for node in self.book.nodes_of(after))]).minor >= 0
        assert fits or decision.outcome is not Outcome.APPROVED, "over a limit at grant"

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data(), amount=AMOUNTS, final=st.booleans())
    def an_invoice_takes_its_part(self, data: st.DataObject, amount: int, *, final: bool) -> None:
        hold = self.book.holds[("acme", data.draw(st.sampled_from(self.open_orders())))]
        moves.capture(self.book, hold, eur(amount), final=final)
        self.book.change(("acme", hold.account_id), used=amount)

    @precondition(lambda self: self.open_orders())
    @rule(data=st.data(), action=st.sampled_from([Action.RELEASE, Action.EXPIRE]))
    def a_hold_is_given_back(self, data: st.DataObject, action: Action) -> None:
        moves.release(self.book, self.book.holds[("acme", data.draw(st.sampled_from(self.open_orders())))], action)

    @rule(account=st.sampled_from("abcd"), amount=AMOUNTS)
    def a_payment_comes(self, account: str, amount: int) -> None:
        self.book.change(("acme", account), used=-amount)

    @rule(account=st.sampled_from("abcd"), limit=LIMITS)
    def a_limit_is_set(self, account: str, limit: int) -> None:
        uplifts = self.limits[account].uplifts
        self.limits[account] = Limits([Grant(limit, self.now, None)], uplifts)

    @rule(account=st.sampled_from("abcd"), amount=AMOUNTS, since=st.integers(0, 3), days=st.integers(1, 3))
    def a_limit_is_raised_for_a_while(self, account: str, amount: int, since: int, days: int) -> None:
        begins = self.now + timedelta(days=since)
        uplift = Uplift("acme", "u", account, eur(amount), begins, begins + timedelta(days=days), "", "a", "b")
        known = self.limits[account]
        self.limits[account] = Limits(known.grants, [*known.uplifts, uplift])

    @rule(hours=st.integers(1, 48))
    def time_goes_by(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(node=st.sampled_from(["g", "p1", "p2"]), limit=LIMITS)
    def a_nodes_limit_is_set(self, node: str, limit: int) -> None:
        self.book.nodes[("acme", node)] = replace(self.book.nodes[("acme", node)], limit=eur(limit))

    @rule(account=st.sampled_from("abcd"), to=st.sampled_from(sorted(PATHS)))
    def an_account_is_moved(self, account: str, to: str) -> None:
        key = ("acme", account)
        before = self.book.accounts[key]
        self.book.accounts[key] = after = replace(before, path=PATHS[to])
        for node in moved(before, after, list(self.book.nodes.values())):
            self.book.nodes[("acme", node.node_id)] = node

    @invariant()
    def what_is_held_is_the_sum_of_its_parts(self) -> None:
        for account in self.book.accounts.values():
            holds = [hold for hold in self.book.holds.values() if hold.account_id == account.account_id]
            assert account.held == eur(sum(hold.held.minor for hold in holds))
        for node in self.book.nodes.values():
            parts = [one for one in self.book.accounts.values() if node.node_id in one.path]
            assert node.held == eur(sum(one.held.minor for one in parts))
            assert node.used == eur(sum(one.used.minor for one in parts))


Tree.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestTree = Tree.TestCase
