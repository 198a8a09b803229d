"""Points, the probability that a company does not pay, and its grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.expressions import SCALE, Expression, Situation
from services.credit.domain.underwriting.shape import BandShape, BinShape, CharacteristicShape, GradeShape
from services.credit.domain.underwriting.values import Kind

if TYPE_CHECKING:
    from services.credit.domain.underwriting.policy import Cause

# Something wrong with a row of a table: its place, a mistake's code and message.
Flaw = tuple[int, str, str]
_FLAGS = ("false", "true")


@dataclass(frozen=True, slots=True)
class Bin:
    """Points of values: of these, or below this; without either of all that are left."""

    points: Decimal
    values: tuple[str, ...] = ()
    below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One thing that is looked at."""

    id: str
    value: Expression
    # Whether its bins are amounts of the policy's currency.
    money: bool
    bins: tuple[Bin, ...]
    unknown: Decimal
    most: Decimal
    # Why points are lost; None: nothing is said of it.
    cause: Cause | None
    unknown_cause: Cause | None

    def points(self, value: object, scale: Decimal | None) -> Decimal | None:
        """What a value counts; None: it is not known, or not in a currency that the policy knows."""
        at = self.bin(value, scale)
        return None if at is None else self.bins[at].points

    def bin(self, value: object, scale: Decimal | None) -> int | None:
        """Which of its bins has a value, from 0; None: it is not known, or not in a currency that the policy knows."""
        if value is None or (self.money and scale is None):
            return None
        if not isinstance(value, Decimal):
            said = value if isinstance(value, str) else _FLAGS[bool(value)]
            return next(at for at, one in enumerate(self.bins) if not one.values or said in one.values)
        number = value / scale if self.money and scale is not None else value
        return next(at for at, one in enumerate(self.bins) if one.below is None or number < one.below)


@dataclass(frozen=True, slots=True)
class Band:
    """From these points on (None: all that are left) a company does not pay with this probability."""

    start: Decimal | None
    pd: Decimal


@dataclass(frozen=True, slots=True)
class Card:
    """What counts how much, for the companies of a condition."""

    id: str
    when: Expression
    characteristics: tuple[Characteristic, ...]
    bands: tuple[Band, ...]

    def pd(self, points: Decimal) -> Decimal:
        """The probability that goes with these points."""
        return next(band.pd for band in self.bands if band.start is None or points >= band.start)


@dataclass(frozen=True, slots=True)
class Grade:
    """A name for probabilities below a bound (None: all that are left)."""

    grade: str
    below: Decimal | None


@dataclass(frozen=True, slots=True)
class Scored:
    """What a card made of a company."""

    points: Decimal
    pd: Decimal
    grade: str
    # What is lost, and where: (points, characteristic, whether its value is known), the most first.
    lost: tuple[tuple[Decimal, Characteristic, bool], ...]
    # The same if all that is not known were as good as can be: what a machine may decline by.
    best_points: Decimal
    best_pd: Decimal
    best_grade: str


def score(cards: Sequence[Card], grades: Sequence[Grade], situation: Situation) -> Scored:
    """Points by the first card that is for this company; by what is known, and by the best that may be."""
    best: tuple[Decimal, Decimal] | None = None
    for card in cards:
        applies = card.when.run(situation)
        if applies is False:
            continue
        points, lost, at_best = _count(card, situation)
        if best is None or card.pd(at_best) < best[1]:
            best = (at_best, card.pd(at_best))
        if applies:
            pd = card.pd(points)
            return Scored(points, pd, _grade(grades, pd), lost, best[0], best[1], _grade(grades, best[1]))
    raise AssertionError("the last card is for everybody")


def binned(cards: Sequence[Card], situation: Situation) -> list[tuple[str, str, int | None]]:
    """By the card that is for this company: card, characteristic, and in which bin it is; None: it is not known."""
    card = next(card for card in cards if card.when.run(situation))
    return [(card.id, one.id, one.bin(one.value.run(situation), situation[SCALE])) for one in card.characteristics]


def _count(
    card: Card, situation: Situation
) -> tuple[Decimal, tuple[tuple[Decimal, Characteristic, bool], ...], Decimal]:
    total, best, lost = Decimal(0), Decimal(0), []
    scale = situation[SCALE]
    for one in card.characteristics:
        points = one.points(one.value.run(situation), scale)
        counted = one.unknown if points is None else points
        total += counted
        best += one.most if points is None or one.value.unsteady else points
        if counted < one.most:
            lost.append((one.most - counted, one, points is not None))
    lost.sort(key=lambda loss: -loss[0])
    return total, tuple(lost), best


def _grade(grades: Sequence[Grade], pd: Decimal) -> str:
    return next(one.grade for one in grades if one.below is None or pd < one.below)


def bins_of(shape: CharacteristicShape, kind: Kind, choices: Sequence[str]) -> tuple[tuple[Bin, ...], list[Flaw]]:
    """A characteristic's bins: without gaps, each reached by something, and rising or falling as it declares."""
    bins = tuple(Bin(one.points, one.values, one.below) for one in shape.bins)
    if kind in {Kind.TEXT, Kind.FLAG}:
        return bins, _flaws_of_words(shape, kind, choices)
    if kind in {Kind.DATE, Kind.DOCUMENT}:
        return bins, [(0, "types_differ", f"{kind.value} has no points: count its days")]
    flaws = _flaws_of_steps(shape.bins)
    steps = list(pairwise(bins))
    if shape.direction == "none":
        flaws.append((0, "bins_direction", "a number is better up or down"))
    for at, (one, other) in enumerate(steps, 1):
        if other.points < one.points if shape.direction == "up" else other.points > one.points:
            flaws.append((at, "bins_direction", f"points turn round: the direction is {shape.direction}"))
    return bins, flaws


def _flaws_of_steps(bins: Sequence[BinShape]) -> list[Flaw]:
    flaws: list[Flaw] = []
    reached: Decimal | None = None
    for at, one in enumerate(bins):
        if one.values:
            flaws.append((at, "types_differ", "a number is below something, not one of a few words"))
        if at and bins[at - 1].below is None:
            flaws.append((at, "bins_shadowed", "nothing is left for this row"))
        if one.start is not None and (reached is None or one.start > reached):
            flaws.append((at, "bins_gap", f"no row has what is below {one.start}"))
        if (one.start is not None and reached is not None and one.start < reached) or (
            one.below is not None and reached is not None and one.below <= reached
        ):
            flaws.append((at, "bins_shadowed", f"the row before has all below {reached}"))
        reached = one.below if one.below is not None else reached
    if bins[-1].below is not None:
        flaws.append((len(bins) - 1, "bins_gap", f"no row has what is {bins[-1].below} or more"))
    return flaws


def _flaws_of_words(shape: CharacteristicShape, kind: Kind, choices: Sequence[str]) -> list[Flaw]:
    flaws: list[Flaw] = []
    all_words = set(_FLAGS if kind is Kind.FLAG else choices)
    seen: set[str] = set()
    rest = False
    for at, one in enumerate(shape.bins):
        if one.below is not None or one.start is not None:
            flaws.append((at, "types_differ", f"{kind.value} has no order: say which, by is"))
        if rest or seen.intersection(one.values) or (all_words and seen >= all_words):
            flaws.append((at, "bins_shadowed", "a row before has this"))
        if unknown := [word for word in one.values if all_words and word not in all_words]:
            flaws.append((at, "choice_unknown", f"{shape.value} is never {unknown[0]}"))
        seen.update(one.values)
        rest = rest or not one.values
    if not rest and not (all_words and seen >= all_words):
        flaws.append((len(shape.bins) - 1, "bins_gap", "no row has all else"))
    if kind is Kind.TEXT and shape.direction != "none":
        flaws.append((0, "bins_direction", "a text is better in no direction: none"))
    if kind is Kind.FLAG and shape.direction != "none" and not _flag_turns(shape):
        flaws.append((0, "bins_direction", f"points turn round: the direction is {shape.direction}"))
    return flaws


def _flag_turns(shape: CharacteristicShape) -> bool:
    """Whether true counts at least as much as false where up is better, and no more where down is."""
    no, yes = (
        next((one.points for one in shape.bins if not one.values or word in one.values), Decimal(0)) for word in _FLAGS
    )
    return yes >= no if shape.direction == "up" else yes <= no


def bands_of(
    bands: Sequence[BandShape], base_rate: Decimal, prior: Decimal, floor: Decimal
) -> tuple[tuple[Band, ...], list[Flaw]]:
    """Each band's probability, drawn towards the base rate where few cases stand behind it (RULES: no thin band)."""
    made: list[Band] = []
    flaws: list[Flaw] = []
    for at, one in enumerate(bands):
        pd = EXACT.divide(one.bad + prior * base_rate, one.of + prior)
        pd = max(EXACT.quantize(pd, Decimal("0.000001")), floor)
        if one.bad > one.of:
            flaws.append((at, "value", "more did not pay than there were"))
        if (one.start is None) is (at < len(bands) - 1):
            flaws.append((at, "bins_gap", "each band has from, but for the last one"))
        if made and made[-1].start is not None and one.start is not None and one.start >= made[-1].start:
            flaws.append((at, "bins_shadowed", "the band before has all of this"))
        if made and pd < made[-1].pd:
            flaws.append((at, "bins_direction", "fewer points, and yet more paid"))
        made.append(Band(one.start, pd))
    return tuple(made), flaws


def grades_of(grades: Sequence[GradeShape]) -> tuple[tuple[Grade, ...], list[Flaw]]:
    """Grades, the best first: without gaps."""
    flaws: list[Flaw] = []
    for at, one in enumerate(grades):
        before = grades[at - 1].below if at else None
        if (one.below is None) is (at < len(grades) - 1):
            flaws.append((at, "bins_gap", "each grade has below, but for the last one"))
        if before is not None and one.below is not None and one.below <= before:
            flaws.append((at, "bins_shadowed", f"the grade before has all below {before}"))
    return tuple(Grade(one.grade, one.below) for one in grades), flaws
