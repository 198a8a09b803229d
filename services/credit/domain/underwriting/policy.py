"""A policy: a text in the language of services/credit/POLICY.md, read, checked and made ready to decide by."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.expressions import (
    Expression,
    Name,
    Wrong,
    compile_expression,
    did_you_mean,
)
from services.credit.domain.underwriting.lines import Path, Tree, read_tree
from services.credit.domain.underwriting.mistakes import MISTAKES_MAX, Mistake, MistakesFound
from services.credit.domain.underwriting.results import Track
from services.credit.domain.underwriting.score import Card, Characteristic, Flaw, Grade, bands_of, bins_of, grades_of
from services.credit.domain.underwriting.shape import (
    CardShape,
    CharacteristicShape,
    FactShape,
    FraudShape,
    LeverShape,
    LimitTermShape,
    PolicyShape,
    QuestionShape,
    RuleShape,
    read_shape,
)
from services.credit.domain.underwriting.values import FLAGS, FactKind, Kind
from services.kernel import credit_reasons
from services.kernel.money import exponent
from services.kernel.refusals import Refusal

POINTS = "points"  # a cause that is told as the characteristics that lost points
MISSING = "R12"  # a reason whose figure is found when something is missing
OTHERWISE = "R17"  # what is said where nothing narrower can be

_SCORED = {"grade": Name(Kind.TEXT), "pd": Name(Kind.RATIO), "points": Name(Kind.RATIO)}
_PAID = {"terms_days": Name(Kind.DAYS)}
# What follows from the limit, which knowing less can raise.
_LIMITED = {
    name: Name(Kind.MONEY, unsteady=True) for name in ("limit", "up_to", "security", "expected_loss", "loss_budget")
}
COMPUTED = frozenset({*_SCORED, *_PAID, *_LIMITED})  # of an application; of an order nothing of it is known
_BUILT_IN = frozenset({"today", *COMPUTED})
_FIGURE_KINDS = {"money": Kind.MONEY, "day": Kind.DATE}

# What an order tells; a rule that reads none of it is of applications alone.
OF_ORDERS = frozenset(
    """ship_to_new ship_to_changed bank_changed order_size_ratio order_pace_ratio order_rush order_resaleable
    bust_out_signals bust_out_led first_order_share dormant_days order_to_median order_contact_known""".split()
)

Names = dict[str, Name]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the applicant is told it was so."""

    code: str
    figures: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    key: str
    track: Track
    when: Expression
    required: bool
    alternative: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    id: str
    when: Expression
    longest: int | None
    methods: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Payment:
    """How long and how a buyer may pay."""

    asked: Expression
    usual: int
    longest: int
    methods: tuple[str, ...]
    rows: tuple[PaymentRow, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the limit: a formula, or an amount by grade."""

    id: str
    amount: Expression | None
    by_grade: Mapping[str, Decimal]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    when: Expression
    unknown: str
    then: str
    cause: Cause
    # Whether it reads what the applicant is never told.
    secret: bool


@dataclass(frozen=True, slots=True)
class FraudRule:
    id: str
    when: Expression
    unknown: str
    action: str
    clears: str | None
    shadow: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class Condition:
    id: str
    when: Expression
    deposit: Expression | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class Lever:
    lever: str
    when: Expression
    burden: int
    sets: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is decided by."""

    # SHA-256 (hex) of the text.
    policy_id: str
    text: str
    name: str
    currency: str
    # How many units of a currency one of the policy's is; its own is 1.
    currencies: Mapping[str, Decimal]
    # What is known of a company, by its key.
    facts: Mapping[str, FactKind]
    asked: tuple[Question, ...]
    values: tuple[tuple[str, Expression], ...]
    cards: tuple[Card, ...]
    grades: tuple[Grade, ...]
    payment: Payment
    limit_asked: Expression
    limit_step: Decimal
    terms: tuple[Term, ...]
    loss_given_default: Decimal
    security: Expression
    loss_budget: Expression
    rules: tuple[Rule, ...]
    fraud: tuple[FraudRule, ...]
    declined_by_person: Expression
    conditions: tuple[Condition, ...]
    offers_most: int
    levers: tuple[Lever, ...]
    # Facts whose value decides, and those of which only counts whether they are known; both sorted.
    deciding: tuple[str, ...]
    counting: tuple[str, ...]
    # Categories of goods that are sold again anywhere, in small letters.
    resaleable: frozenset[str] = frozenset()
    # Rules on fraud that read what an order tells, and the values that these need, in order.
    of_orders: tuple[FraudRule, ...] = ()
    order_values: tuple[tuple[str, Expression], ...] = ()
    # Rules on fraud that the text would have stop something and that were too rarely right; sorted.
    shadowed: tuple[str, ...] = ()

    def in_shadow(self, rules: Iterable[str]) -> "Policy":
        """The same, with these rules on fraud noted and nothing stopped by them."""
        shadowed = tuple(sorted({rule.id for rule in self.fraud if not rule.shadow} & set(rules)))
        if not shadowed:
            return self
        fraud = tuple(replace(rule, shadow=rule.shadow or rule.id in shadowed) for rule in self.fraud)
        return replace(self, fraud=fraud, of_orders=_of_orders(fraud), shadowed=shadowed)


def _of_orders(rules: Iterable[FraudRule]) -> tuple[FraudRule, ...]:
    return tuple(rule for rule in rules if rule.when.names & OF_ORDERS)


def _needed(rules: Iterable[FraudRule], values: Sequence[tuple[str, Expression]]) -> tuple[tuple[str, Expression], ...]:
    """The values that rules speak of, and those that these are made of."""
    names = {name for rule in rules for name in rule.when.names | rule.when.asks}
    found = []
    for name, value in reversed(values):
        if name in names:
            found.append((name, value))
            names |= value.names | value.asks
    return tuple(reversed(found))


def read(text: str) -> Policy:
    """Read a policy; raise MistakesFound with all that is wrong."""
    tree = read_tree(text)
    with localcontext(EXACT):
        return _Reader(tree, read_shape(tree)).policy(text)


@lru_cache(1)
def default() -> Policy:
    """The policy that holds where a seller has set none."""
    return read(files(__package__).joinpath("default.yaml").read_text(encoding="utf-8"))


class _Reader:
    """Makes a policy of its shape, and notes every mistake on the way."""

    def __init__(self, tree: Tree, shape: PolicyShape) -> None:
        self._tree = tree
        self._shape = shape
        self._mistakes: set[Mistake] = set()
        self._read: set[str] = set()
        self._asks: set[str] = set()
        # What may be spoken of: before the score, with it, with the days to pay, with the limit.
        self._facts: Names = {}
        self._scored: Names = {}
        self._paid: Names = {}
        self._limited: Names = {}
        self._secret: set[str] = set()

    def policy(self, text: str) -> Policy:
        shape = self._shape
        facts = self._fact_kinds()
        values = self._values()
        self._scored = self._facts | _SCORED
        self._scored["grade"] = replace(_SCORED["grade"], choices=tuple(grade.grade for grade in shape.score.grades))
        self._paid = self._scored | _PAID
        self._limited = self._paid | _LIMITED
        self._currencies()
        questions = tuple(self._question(at, one) for at, one in enumerate(shape.questions))
        cards = tuple(self._card(at, one) for at, one in enumerate(shape.score.cards))
        self._cards_cover(cards)
        read = Policy(
            policy_id=hashlib.sha256(text.encode()).hexdigest(),
            text=text,
            name=shape.name,
            currency=shape.currency,
            currencies={**shape.currencies, shape.currency: Decimal(1)},
            facts=facts,
            asked=questions,
            values=values,
            cards=cards,
            grades=self._noted(grades_of(shape.score.grades), ("score", "grades")),
            payment=self._payment(),
            limit_asked=self._formula(("limit", "asked"), shape.limit.asked, self._facts, Kind.MONEY),
            limit_step=shape.limit.step,
            terms=tuple(self._term(at, one) for at, one in enumerate(shape.limit.terms)),
            loss_given_default=shape.loss.given_default,
            security=self._formula(("loss", "security"), shape.loss.security, self._facts, Kind.MONEY),
            loss_budget=self._formula(
                ("loss", "budget"), shape.loss.budget, self._without("expected_loss", "loss_budget"), Kind.MONEY
            ),
            rules=tuple(self._rule(at, one) for at, one in enumerate(shape.rules)),
            fraud=tuple(self._fraud(at, one) for at, one in enumerate(shape.fraud)),
            declined_by_person=self._formula(("declined_by_person",), shape.declined_by_person, self._facts, Kind.FLAG),
            conditions=tuple(
                Condition(
                    one.id,
                    self._formula(("conditions", at, "when"), one.when, self._limited, Kind.FLAG),
                    self._formula(("conditions", at, "deposit"), one.deposit, self._limited, Kind.MONEY)
                    if one.deposit
                    else None,
                    self._cause(("conditions", at), one.reason, one.figures),
                )
                for at, one in enumerate(shape.conditions)
            ),
            offers_most=shape.offers.most,
            levers=tuple(self._lever(at, one) for at, one in enumerate(shape.offers.levers)),
            deciding=tuple(sorted(self._read & set(facts))),
            resaleable=frozenset(category.casefold() for category in shape.resaleable),
            counting=tuple(sorted((self._asks | {one.key for one in questions}) - self._read)),
        )
        of_orders = _of_orders(read.fraud)
        read = replace(read, of_orders=of_orders, order_values=_needed(of_orders, values))
        self._ids()
        if self._mistakes:
            raise MistakesFound(tuple(sorted(self._mistakes)[:MISTAKES_MAX]))
        return read

    def _wrong(self, path: Path, code: str, message: str) -> None:
        self._mistakes.add(Mistake(self._tree.line(path), code, message))

    def _noted(self, found: tuple[tuple[Row, ...], Sequence[Flaw]], path: Path) -> tuple[Row, ...]:
        """The rows of a table; what is wrong with them is noted with their lines."""
        rows, wrong = found
        for at, code, message in wrong:
            self._wrong((*path, at), code, message)
        return rows

    def _formula(self, path: Path, text: str, names: Names, wanted: Kind | None = None) -> Expression:
        """A formula at its place; one that makes no sense is noted, and stands for what nobody knows."""
        try:
            made = compile_expression(text, names, wanted)
        except Wrong as wrong:
            self._wrong(path, wrong.code, wrong.message)
            return Expression(text, wanted, lambda _: None, frozenset(), frozenset(), unsteady=False, leaves=())
        self._read |= made.names
        self._asks |= made.asks
        return made

    def _without(self, *names: str) -> Names:
        return {name: one for name, one in self._limited.items() if name not in names}

    def _fact_kinds(self) -> dict[str, FactKind]:
        kinds = {}
        for key, one in self._shape.facts.items():
            if key in _BUILT_IN or key in FLAGS:
                self._wrong(("facts", key), "name_taken", f"{key} is a word of the language")
            kinds[key] = self._fact_kind(key, one)
            self._facts[key] = Name(one.kind, one.choices if one.kind is Kind.TEXT else (), only_known=one.personal)
            if one.secret:
                self._secret.add(key)
        self._facts["today"] = Name(Kind.DATE)
        return kinds

    def _fact_kind(self, key: str, one: FactShape) -> FactKind:
        made = FactKind(
            key, one.kind, one.valid_days, one.personal, one.given, one.secret, one.choices, one.least, one.most
        )
        if one.secret and one.given:
            self._wrong(("facts", key, "secret"), "value", f"{key} is the applicant's to give: it is no secret")
        if one.choices and one.kind in {Kind.MONEY, Kind.DATE, Kind.DOCUMENT, Kind.RATIO}:
            self._wrong(("facts", key, "choices"), "value", f"{key} is no text: it has no choices")
        return made

    def _currencies(self) -> None:
        for currency, path in [(self._shape.currency, "currency")] + [
            (code, "currencies") for code in self._shape.currencies
        ]:
            try:
                exponent(currency)
            except Refusal as refused:
                self._wrong((path,) if path == "currency" else (path, currency), "currency", refused.message)

    def _values(self) -> tuple[tuple[str, Expression], ...]:
        made = []
        for name, text in self._shape.values.items():
            path = ("values", name)
            if name in self._facts or name in _BUILT_IN or name in FLAGS:
                self._wrong(path, "name_taken", f"{name} is a fact or a word of the language")
            one = self._formula(path, text, self._facts)
            self._facts[name] = Name(one.kind or Kind.RATIO, unsteady=one.unsteady)
            if (one.names | one.asks) & self._secret:
                self._secret.add(name)
            made.append((name, one))
        return tuple(made)

    def _question(self, at: int, one: QuestionShape) -> Question:
        path: Path = ("questions", at)
        if (fact := self._shape.facts.get(one.key)) is None:
            self._wrong(
                (*path, "key"), "fact_unknown", f"{one.key} is no fact{did_you_mean(one.key, self._shape.facts)}"
            )
        elif not fact.given:
            self._wrong((*path, "key"), "question_not_given", f"{one.key} is not the applicant's to say (given: true)")
        return Question(
            one.key,
            one.track,
            self._formula((*path, "when"), one.when, self._facts, Kind.FLAG),
            one.required and not one.alternative,
            one.alternative,
        )

    def _card(self, at: int, one: CardShape) -> Card:
        path: Path = ("score", "cards", at)
        score = self._shape.score
        return Card(
            one.id,
            self._formula((*path, "when"), one.when, self._facts, Kind.FLAG),
            tuple(
                self._characteristic((*path, "characteristics", number), characteristic)
                for number, characteristic in enumerate(one.characteristics)
            ),
            self._noted(bands_of(one.bands, score.base_rate, score.prior, score.floor), (*path, "bands")),
        )

    def _characteristic(self, path: Path, one: CharacteristicShape) -> Characteristic:
        value = self._formula((*path, "value"), one.value, self._facts)
        choices = self._facts[one.value].choices if one.value in self._facts else ()
        bins = self._noted(bins_of(one, value.kind or Kind.RATIO, choices), (*path, "bins"))
        points = [bin_.points for bin_ in bins]
        if not min(points) <= one.unknown <= max(points):
            self._wrong((*path, "unknown"), "value", "what is not known counts no more and no less than what is")
        return Characteristic(
            one.id,
            value,
            money=value.kind is Kind.MONEY,
            bins=bins,
            unknown=one.unknown,
            most=max(points),
            cause=self._cause(path, one.reason, one.figures) if one.reason else None,
            unknown_cause=self._cause(path, one.unknown_reason, one.unknown_figures, "unknown_")
            if one.unknown_reason
            else None,
        )

    def _cards_cover(self, cards: Sequence[Card]) -> None:
        """Some card is there whatever is known, and each is met by somebody."""
        for at, card in enumerate(cards):
            always = card.when.text.strip() == "true"
            if always and at < len(cards) - 1:
                self._wrong(("score", "cards", at + 1), "bins_shadowed", "no company reaches this card")
            if not always and at == len(cards) - 1:
                self._wrong(("score", "cards", at), "bins_gap", "the last card is for everybody: it has no when")

    def _cause(self, path: Path, code: str, figures: Mapping[str, str], prefix: str = "") -> Cause:
        """Why it was so: words in every language, and each of their figures."""
        if code == POINTS:
            return Cause(POINTS)
        if code not in credit_reasons.CODES or code in credit_reasons.PRIVATE.values():
            near = did_you_mean(code, credit_reasons.CODES)
            self._wrong((*path, f"{prefix}reason"), "reason_without_words", f"{code} has no words{near}")
            return Cause(code)
        wanted = {name: through for name, through in credit_reasons.figures(code).items() if through != "listed"}
        for name in sorted(wanted.keys() - figures.keys()):
            self._wrong((*path, f"{prefix}reason"), "figure_missing", f"the words of {code} need the figure {name}")
        made = []
        for name, text in figures.items():
            at = (*path, f"{prefix}figures", name)
            if name not in wanted:
                self._wrong(at, "figure_unknown", f"the words of {code} have no {name}{did_you_mean(name, wanted)}")
                continue
            made.append((name, self._figure(at, text, wanted[name])))
        return Cause(code, tuple(made))

    def _figure(self, path: Path, text: str, through: str) -> Expression:
        one = self._formula(path, text, self._limited, _FIGURE_KINDS.get(through))
        if not through and one.kind in {Kind.MONEY, Kind.DATE, Kind.FLAG}:
            self._wrong(path, "types_differ", f"{one.kind.value} where a number or a text is told")
        if told := one.names & self._secret:
            self._wrong(path, "secret_told", f"{', '.join(sorted(told))} is never told to the applicant")
        return one

    def _payment(self) -> Payment:
        payment = self._shape.payment
        if payment.usual > payment.longest:
            self._wrong(("payment", "usual"), "value", "usual is not longer than longest")
        rows = []
        for at, one in enumerate(payment.rows):
            path: Path = ("payment", "rows", at)
            for method in one.methods:
                if method not in payment.methods:
                    near = did_you_mean(method, payment.methods)
                    self._wrong((*path, "methods"), "value", f"{method} is none of payment's methods{near}")
            when = self._formula((*path, "when"), one.when, self._scored, Kind.FLAG)
            rows.append(PaymentRow(one.id, when, one.longest, one.methods, self._cause(path, one.reason, one.figures)))
        return Payment(
            asked=self._formula(("payment", "asked"), payment.asked, self._facts, Kind.DAYS),
            usual=payment.usual,
            longest=payment.longest,
            methods=payment.methods,
            rows=tuple(rows),
            cause=self._cause(("payment",), payment.reason, payment.figures),
        )

    def _term(self, at: int, one: LimitTermShape) -> Term:
        path: Path = ("limit", "terms", at)
        if (one.amount is None) == (one.by_grade is None):
            self._wrong(path, "value", "a term has either an amount or by_grade")
        by_grade = one.by_grade or {}
        grades = [grade.grade for grade in self._shape.score.grades]
        for grade in by_grade:
            if grade not in grades:
                self._wrong((*path, "by_grade", grade), "choice_unknown", f"{grade} is no grade")
        if by_grade and (open_ := [grade for grade in grades if grade not in by_grade]):
            self._wrong((*path, "by_grade"), "bins_gap", f"no amount for {', '.join(open_)}")
        amount = self._formula((*path, "amount"), one.amount, self._paid, Kind.MONEY) if one.amount else None
        return Term(one.id, amount, by_grade, self._cause(path, one.reason, one.figures))

    def _rule(self, at: int, one: RuleShape) -> Rule:
        path: Path = ("rules", at)
        when = self._formula((*path, "when"), one.when, self._limited, Kind.FLAG)
        if one.then == "decline":
            self._check_steady((*path, "when"), when)
        secret = bool((when.names | when.asks) & self._secret)
        return Rule(one.id, when, one.unknown, one.then, self._cause(path, one.reason, one.figures), secret)

    def _fraud(self, at: int, one: FraudShape) -> FraudRule:
        path: Path = ("fraud", at)
        when = self._formula((*path, "when"), one.when, self._limited, Kind.FLAG)
        if one.action == "block":
            self._check_steady((*path, "when"), when)
        if one.action == "step_up" and one.clears is None:
            self._wrong(path, "key_missing", "clears is missing here: what shows that all is well?")
        if one.clears is not None:
            self._clears((*path, "clears"), one.clears)
        cause = self._cause(path, one.reason, one.figures)
        return FraudRule(one.id, when, one.unknown, one.action, one.clears, one.shadow, cause)

    def _clears(self, path: Path, key: str) -> None:
        if (fact := self._shape.facts.get(key)) is None or fact.kind is not Kind.FLAG:
            self._wrong(path, "fact_unknown", f"{key} is no flag{did_you_mean(key, self._shape.facts)}")
        self._read.add(key)

    def _check_steady(self, path: Path, when: Expression) -> None:
        """Nobody is declined for what is not known."""
        if when.unsteady:
            self._wrong(
                path, "declines_unknown", "what declines holds for what is known: without known, either, or the limit"
            )

    def _lever(self, at: int, one: LeverShape) -> Lever:
        path: Path = ("offers", "levers", at)
        sets = []
        for key, text in one.sets.items():
            if (fact := self._shape.facts.get(key)) is None or fact.kind is Kind.DOCUMENT:
                near = did_you_mean(key, self._shape.facts)
                self._wrong((*path, "set", key), "fact_unknown", f"{key} is no fact that can be set{near}")
                continue
            sets.append((key, self._formula((*path, "set", key), text, self._limited, fact.kind)))
        when = self._formula((*path, "when"), one.when, self._limited, Kind.FLAG)
        return Lever(one.lever, when, one.burden, tuple(sets))

    def _ids(self) -> None:
        """Each has a name of its own, among all of its sort."""
        shape = self._shape
        sorts: list[tuple[Path, Iterable[str]]] = [
            (("score", "cards"), [one.id for one in shape.score.cards]),
            (("score", "grades"), [one.grade for one in shape.score.grades]),
            (("payment", "rows"), [one.id for one in shape.payment.rows]),
            (("limit", "terms"), [one.id for one in shape.limit.terms]),
            (("conditions",), [one.id for one in shape.conditions]),
        ]
        sorts += [
            (("score", "cards", at, "characteristics"), [one.id for one in card.characteristics])
            for at, card in enumerate(shape.score.cards)
        ]
        for path, ids in sorts:
            seen: set[str] = set()
            for at, one in enumerate(ids):
                if one in seen:
                    self._wrong((*path, at), "id_twice", f"{one} stands here twice")
                seen.add(one)
        rules = [(("rules", at), one.id) for at, one in enumerate(shape.rules)]
        rules += [(("fraud", at), one.id) for at, one in enumerate(shape.fraud)]
        known: set[str] = set()
        for place, one in rules:
            if one in known:
                self._wrong(place, "id_twice", f"{one} stands here twice")
            known.add(one)
