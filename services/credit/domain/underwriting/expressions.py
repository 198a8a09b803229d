"""Conditions and formulas of a policy: Python's syntax, a few words of it; checked when read, exact and three-valued when run.

Unknown is None: what is compared or computed with it is unknown too; `and` and `or` know what they can know.
"""

import ast
import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.credit.domain.underwriting.exact import LARGEST
from services.credit.domain.underwriting.need import need
from services.credit.domain.underwriting.values import Kind
from services.kernel.calendars import day
from services.kernel.refusals import Refusal, quoted

LENGTH_MAX = 1000  # characters
NODES_MAX = 200
SCALE = "·scale"  # where a situation keeps how many units of its currency one of the policy's is; None: not known

# What is known when something is decided, by name. None: not known.
Situation = Mapping[str, Any]
Run = Callable[[Situation], Any]

_NUMBER = re.compile(r"[0-9][0-9_]*(\.[0-9]+)?", re.ASCII)
_NUMBERS = frozenset({Kind.COUNT, Kind.RATIO})
_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
_CONSTANTS = {"true": True, "false": False}
_LONGEST = 36_500  # days that can be added to a date


class Wrong(Exception):  # noqa: N818 - a mistake of who wrote the policy, not a defect
    """The expression makes no sense; the code is a mistake's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Name:
    """What an expression may speak of."""

    kind: Kind
    choices: tuple[str, ...] = ()
    # Nothing but whether it is known may be asked: persons decide nothing.
    only_known: bool = False
    # Not knowing more of the company can make it another one.
    unsteady: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison within a condition: what a signal shows."""

    run: Run
    feature: str
    threshold: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition or formula, ready to run."""

    text: str
    # None: a plain number, which is of the kind of what it meets.
    kind: Kind | None
    run: Run
    # Facts and values that it reads, and those of which it only asks whether they are known.
    names: frozenset[str]
    asks: frozenset[str]
    # Whether knowing less could turn "no" into "yes" (`known`, `either`, or a value made with them).
    unsteady: bool
    leaves: tuple[Leaf, ...]

    @property
    def constant(self) -> bool:
        """Whether it speaks of nothing."""
        return not self.names and not self.asks


def compile_expression(text: str, names: Mapping[str, Name], wanted: Kind | None = None) -> Expression:
    """Read an expression that may speak of these names; raise Wrong where it makes no sense, or is not of the wanted kind."""
    if len(text) > LENGTH_MAX:
        raise Wrong("expression_long", f"an expression has at most {LENGTH_MAX} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Wrong("expression_syntax", f"{quoted(text)} cannot be read") from error
    if sum(1 for _ in ast.walk(tree)) > NODES_MAX:
        raise Wrong("expression_long", f"an expression has at most {NODES_MAX} parts")
    reader = _Reader(text.strip(), names)
    part = reader.read(tree)
    if wanted is not None:
        part = reader.as_kind(part, wanted)
    return Expression(
        text=text,
        kind=part.kind,
        run=part.run,
        names=frozenset(reader.read_names),
        asks=frozenset(reader.asked_names),
        unsteady=reader.unsteady,
        leaves=tuple(reader.leaves),
    )


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The nearest of the words that go, as a question; nothing where none is near."""
    near = difflib.get_close_matches(word, sorted(words), 1)
    return f"; did you mean {near[0]}?" if near else ""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of an expression. `constant`: what it is before anything is known, if it is."""

    kind: Kind | None
    run: Run
    constant: Any = None


def _said(part: _Part) -> str:
    return part.kind.value if part.kind is not None else "number"


class _Reader:
    """Turns a syntax tree into closures, and notes what it speaks of."""

    def __init__(self, text: str, names: Mapping[str, Name]) -> None:
        self._bytes = text.encode()
        self._names = names
        self.read_names: set[str] = set()
        self.asked_names: set[str] = set()
        self.leaves: list[Leaf] = []
        self.unsteady = False

    def read(self, node: ast.expr) -> _Part:  # noqa: PLR0911 - one for each form of the language
        match node:
            case ast.BoolOp(op, values):
                return self._logic(isinstance(op, ast.And), [self._condition(value) for value in values])
            case ast.UnaryOp(ast.Not(), operand):
                return self._not(self._condition(operand))
            case ast.UnaryOp(ast.USub(), ast.Constant() as constant):
                return self._constant(constant, negative=True)
            case ast.BinOp(left, op, right):
                return self._arithmetic(op, self.read(left), self.read(right))
            case ast.Compare(left, ops, comparators):
                return self._comparisons(left, ops, comparators)
            case ast.Call(ast.Name(function), arguments, []):
                return self._call(function, arguments)
            case ast.Name(name):
                return self._name(name)
            case ast.Constant():
                return self._constant(node)
        raise Wrong("expression_syntax", f"{quoted(self._source(node))} is no word of the language")

    def as_kind(self, part: _Part, kind: Kind) -> _Part:
        """The part as something of this kind: a plain number, or a day written as text, becomes one."""
        if part.kind is kind or {part.kind, kind} <= _NUMBERS:
            return part
        if part.kind is None and kind in {Kind.MONEY, Kind.DAYS, Kind.COUNT, Kind.RATIO}:
            return self._amount(part) if kind is Kind.MONEY else _Part(kind, part.run, part.constant)
        if kind is Kind.DATE and isinstance(part.constant, str):
            return self._date(part.constant)
        raise Wrong("types_differ", f"{_said(part)} where {kind.value} is wanted")

    def _source(self, node: ast.expr) -> str:
        return self._bytes[node.col_offset : node.end_col_offset].decode(errors="replace")

    def _condition(self, node: ast.expr) -> _Part:
        part = self.read(node)
        if part.kind is not Kind.FLAG:
            raise Wrong("types_differ", f"{quoted(self._source(node))} is {_said(part)}, not a condition")
        if isinstance(node, ast.Name) and part.constant is None:
            self.leaves.append(Leaf(part.run, node.id, "true"))
        return part

    def _name(self, name: str) -> _Part:
        if name in _CONSTANTS:
            return _fixed(Kind.FLAG, _CONSTANTS[name])
        known = self._look(name)
        if known.only_known:
            raise Wrong("personal_decides", f"{name} is about a person: only known({name}) may be asked")
        if known.kind is Kind.DOCUMENT:
            raise Wrong("types_differ", f"{name} is a document: only known({name}) may be asked")
        self.read_names.add(name)
        self.unsteady |= known.unsteady
        return _Part(known.kind, lambda situation: situation[name])

    def _look(self, name: str) -> Name:
        if (known := self._names.get(name)) is None:
            raise Wrong("fact_unknown", f"{quoted(name)} is no fact{did_you_mean(name, self._names)}")
        return known

    def _constant(self, node: ast.Constant, *, negative: bool = False) -> _Part:
        text = self._source(node)
        if isinstance(node.value, str) and not negative:
            return _fixed(Kind.TEXT, node.value)
        if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not _NUMBER.fullmatch(text):
            raise Wrong("expression_syntax", f"{quoted(text)} is neither a plain number nor a text")
        number = Decimal(text)
        return _fixed(None, -number if negative else number)

    def _call(self, function: str, arguments: Sequence[ast.expr]) -> _Part:
        if function == "known":
            return self._known(arguments)
        if function not in {"least", "greatest", "either", "need"}:
            functions = ("known", "least", "greatest", "either", "need")
            raise Wrong("function_unknown", f"{quoted(function)} is no function{did_you_mean(function, functions)}")
        parts = [self.read(argument) for argument in arguments]
        if function == "need":
            return self._need(parts)
        if len(parts) < 2:
            raise Wrong("expression_syntax", f"{function} is said of two or more")
        parts = self._alike(parts)
        runs = [part.run for part in parts]
        if function == "either":
            self.unsteady = True
            return _Part(parts[0].kind, lambda situation: _first_known(runs, situation))
        if parts[0].kind in {Kind.FLAG, Kind.TEXT}:
            raise Wrong("types_differ", f"{function} of {_said(parts[0])}")
        chosen: Callable[[Iterable[Any]], Any] = min if function == "least" else max
        return _Part(parts[0].kind, lambda situation: _of_all(chosen, runs, situation))

    def _known(self, arguments: Sequence[ast.expr]) -> _Part:
        match arguments:
            case [ast.Name(name)]:
                self._look(name)
        if len(arguments) != 1 or not isinstance(arguments[0], ast.Name):
            raise Wrong("expression_syntax", "known is said of one fact")
        name = arguments[0].id
        self.asked_names.add(name)
        self.unsteady = True
        return _Part(Kind.FLAG, lambda situation: situation[name] is not None)

    def _need(self, parts: Sequence[_Part]) -> _Part:
        if len(parts) != 3:
            raise Wrong("expression_syntax", "need is said of an order's amount, orders a month, and days to pay")
        kinds = (Kind.MONEY, Kind.RATIO, Kind.DAYS)
        amount, pace, days = (self.as_kind(part, kind).run for part, kind in zip(parts, kinds, strict=True))
        return _Part(Kind.MONEY, lambda situation: _needed(amount(situation), pace(situation), days(situation)))

    def _alike(self, parts: Sequence[_Part]) -> list[_Part]:
        """The parts as of one kind, which is that of the first that has one."""
        kind = next((part.kind for part in parts if part.kind is not None), Kind.RATIO)
        return [self.as_kind(part, kind) for part in parts]

    def _logic(self, every: bool, parts: Sequence[_Part]) -> _Part:
        runs = tuple(part.run for part in parts)
        decisive = not every

        def run(situation: Situation) -> bool | None:
            result: bool | None = every
            for one in runs:
                value: bool | None = one(situation)
                if value is decisive:
                    return decisive
                if value is None:
                    result = None
            return result

        return _Part(Kind.FLAG, run)

    def _not(self, part: _Part) -> _Part:
        inner = part.run

        def run(situation: Situation) -> bool | None:
            value: bool | None = inner(situation)
            return None if value is None else not value

        return _Part(Kind.FLAG, run)

    def _comparisons(self, left: ast.expr, ops: Sequence[ast.cmpop], comparators: Sequence[ast.expr]) -> _Part:
        parts = []
        for op, right in zip(ops, comparators, strict=True):
            part = self._member(left, op, right) if isinstance(op, ast.In | ast.NotIn) else self._pair(left, op, right)
            words = [node.id for side in (left, right) for node in ast.walk(side) if isinstance(node, ast.Name)]
            feature = next((word for word in words if word in self._names), "")
            self.leaves.append(Leaf(part.run, feature, f"{_sign(op)} {self._source(right)}"))
            parts.append(part)
            left = right
        return parts[0] if len(parts) == 1 else self._logic(True, parts)

    def _pair(self, left_node: ast.expr, op: ast.cmpop, right_node: ast.expr) -> _Part:
        if type(op) not in _COMPARE:
            raise Wrong("expression_syntax", f"{quoted(_sign(op))} is no word of the language")
        sign, compare = _COMPARE[type(op)]
        left, right = self.read(left_node), self.read(right_node)
        self._check_choice(left_node, right)
        self._check_choice(right_node, left)
        try:
            if left.kind is Kind.TEXT and right.kind is Kind.DATE:
                left = self.as_kind(left, Kind.DATE)
            elif left.kind is None:
                left = self.as_kind(left, right.kind or Kind.RATIO)
            right = self.as_kind(right, left.kind or Kind.RATIO)
        except Wrong as wrong:
            if wrong.code == "types_differ":
                raise Wrong("types_differ", f"{_said(left)} against {_said(right)}") from wrong
            raise
        if left.kind in {Kind.FLAG, Kind.TEXT} and sign not in {"==", "!="}:
            raise Wrong("types_differ", f"{_said(left)} has no order: == or != alone")
        return _Part(Kind.FLAG, _compared(compare, left, right))

    def _check_choice(self, node: ast.expr, other: _Part) -> None:
        """Refuse a text that the fact on the other side never is."""
        if not isinstance(node, ast.Name) or not isinstance(other.constant, str):
            return
        choices = self._names[node.id].choices if node.id in self._names else ()
        if choices and other.constant not in choices:
            raise Wrong(
                "choice_unknown",
                f"{node.id} is never {quoted(other.constant)}{did_you_mean(other.constant, choices)}",
            )

    def _member(self, left_node: ast.expr, op: ast.cmpop, right_node: ast.expr) -> _Part:
        left = self.read(left_node)
        if not isinstance(right_node, ast.Tuple | ast.List) or not right_node.elts:
            raise Wrong("expression_syntax", "`in` is followed by a list: country in ['DE', 'AT']")
        members = []
        for element in right_node.elts:
            part = self.read(element)
            if not isinstance(part.constant, str) or left.kind is not Kind.TEXT:
                raise Wrong("types_differ", f"{_said(left)} in a list of {_said(part)}")
            self._check_choice(left_node, part)
            members.append(part.constant)
        found, inner, wanted = frozenset(members), left.run, isinstance(op, ast.In)

        def run(situation: Situation) -> bool | None:
            value = inner(situation)
            return None if value is None else (value in found) is wanted

        return _Part(Kind.FLAG, run)

    def _arithmetic(self, op: ast.operator, left: _Part, right: _Part) -> _Part:
        match op:
            case ast.Add() | ast.Sub():
                return self._sum(op, left, right)
            case ast.Mult() | ast.Div():
                return self._product(op, left, right)
        raise Wrong("expression_syntax", "numbers are added, subtracted, multiplied, divided: + - * /")

    def _sum(self, op: ast.operator, left: _Part, right: _Part) -> _Part:
        adds = isinstance(op, ast.Add)
        if left.kind is Kind.DATE and (right.kind is Kind.DAYS or right.kind is None):
            return _Part(Kind.DATE, _moved(left.run, right.run, 1 if adds else -1))
        if left.kind is Kind.DATE and right.kind is Kind.DATE and not adds:
            return _Part(Kind.DAYS, _apart(left.run, right.run))
        kinds = {left.kind, right.kind}
        if kinds & {Kind.FLAG, Kind.TEXT, Kind.DATE} or (
            None not in kinds and len(kinds - _NUMBERS) + bool(kinds & _NUMBERS) > 1
        ):
            raise Wrong("types_differ", f"{_said(left)} {'+' if adds else '-'} {_said(right)}")
        if left.kind is None and right.kind is None:
            return _Part(None, _computed(operator.add if adds else operator.sub, left.run, right.run))
        first, second = self._alike([left, right])
        kind = Kind.RATIO if kinds <= _NUMBERS and len(kinds) > 1 else first.kind
        return _Part(kind, _computed(operator.add if adds else operator.sub, first.run, second.run))

    def _product(self, op: ast.operator, left: _Part, right: _Part) -> _Part:
        """What has a unit times what has none; or what shares a unit, divided."""
        if isinstance(op, ast.Mult):
            with_unit = [part.kind for part in (left, right) if part.kind in {Kind.MONEY, Kind.DAYS}]
            if len(with_unit) > 1 or {left.kind, right.kind} & {Kind.FLAG, Kind.TEXT, Kind.DATE}:
                raise Wrong("types_differ", f"{_said(left)} * {_said(right)}")
            kind = with_unit[0] if with_unit else Kind.RATIO
            return _Part(kind if left.kind or right.kind else None, _computed(operator.mul, left.run, right.run))
        if {left.kind, right.kind} & {Kind.FLAG, Kind.TEXT, Kind.DATE} or (
            right.kind in {Kind.MONEY, Kind.DAYS} and left.kind is not right.kind
        ):
            raise Wrong("types_differ", f"{_said(left)} / {_said(right)}")
        if right.kind in {Kind.MONEY, Kind.DAYS}:
            return _Part(Kind.RATIO, _divided(left.run, right.run))
        kind = left.kind if left.kind in {Kind.MONEY, Kind.DAYS} else Kind.RATIO
        return _Part(kind if left.kind or right.kind else None, _divided(left.run, right.run))

    def _amount(self, part: _Part) -> _Part:
        """A plain number as money of the policy's currency, in that of the situation."""
        inner = part.run

        def run(situation: Situation) -> Decimal | None:
            scale = situation[SCALE]
            number = inner(situation)
            return None if scale is None or number is None else _bookable(number * scale)

        return _Part(Kind.MONEY, run)

    def _date(self, text: str) -> _Part:
        try:
            return _fixed(Kind.DATE, day(text, what="the day"))
        except Refusal as refused:
            raise Wrong("types_differ", refused.message) from refused


def _fixed(kind: Kind | None, value: Any) -> _Part:
    return _Part(kind, lambda _: value, value)


def _sign(op: ast.cmpop) -> str:
    if type(op) in _COMPARE:
        return _COMPARE[type(op)][0]
    return {ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}[type(op)]


def _compared(compare: Callable[[Any, Any], bool], left: _Part, right: _Part) -> Run:
    first, second = left.run, right.run
    if right.constant is not None:
        fixed = right.constant

        def against_fixed(situation: Situation) -> bool | None:
            value = first(situation)
            return None if value is None else compare(value, fixed)

        return against_fixed

    def run(situation: Situation) -> bool | None:
        one, other = first(situation), second(situation)
        return None if one is None or other is None else compare(one, other)

    return run


def _computed(compute: Callable[[Decimal, Decimal], Decimal], first: Run, second: Run) -> Run:
    def run(situation: Situation) -> Decimal | None:
        one, other = first(situation), second(situation)
        return None if one is None or other is None else _bookable(compute(one, other))

    return run


def _divided(first: Run, second: Run) -> Run:
    """Divided by nothing is unknown."""

    def run(situation: Situation) -> Decimal | None:
        one, other = first(situation), second(situation)
        return None if one is None or not other else _bookable(one / other)

    return run


def _bookable(number: Decimal) -> Decimal | None:
    """What is larger than anything that can be booked is not known."""
    return number if abs(number) < LARGEST else None


def _moved(first: Run, second: Run, sign: int) -> Run:
    def run(situation: Situation) -> date | None:
        on: date | None = first(situation)
        days: Decimal | None = second(situation)
        if on is None or days is None or abs(days) > _LONGEST:
            return None
        try:
            return on + timedelta(days=sign * int(days))
        except OverflowError:  # beyond all calendars nobody knows
            return None

    return run


def _apart(first: Run, second: Run) -> Run:
    def run(situation: Situation) -> Decimal | None:
        one, other = first(situation), second(situation)
        return None if one is None or other is None else Decimal((one - other).days)

    return run


def _first_known(runs: Iterable[Run], situation: Situation) -> Any:
    return next((value for run in runs if (value := run(situation)) is not None), None)


def _of_all(chosen: Callable[[Iterable[Any]], Any], runs: Iterable[Run], situation: Situation) -> Any:
    values = [run(situation) for run in runs]
    return None if None in values else chosen(values)


def _needed(amount: Decimal | None, pace: Decimal | None, days: Decimal | None) -> Decimal | None:
    if amount is None or pace is None or days is None:
        return None
    needed = need(amount, pace, days)
    return None if needed is None else _bookable(needed)
