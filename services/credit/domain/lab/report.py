"""What a trial found, as a table of figures with the sentences that follow from them.

A report is JSON: whole numbers are numbers, shares and amounts are decimals as text. `version` names its meaning.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.credit.domain.lab import figures
from services.credit.domain.lab.figures import rounded, share, wilson
from services.credit.domain.lab.tally import AFTER, BAD, BEFORE, CHALLENGER, CHAMPION, GOOD, NONE, Tally, Trial
from services.credit.domain.underwriting import Track
from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.values import plain

REPORT = 1
SEGMENTS_MAX = 12  # of a kind, the largest first
LEAK_AUC = Decimal("0.9")
_ENOUGH = 20  # cases of a kind before anything is said of a fact
_ENOUGH_BAD = 30  # bad cases before anything is said of risk
_ALIKE_SHARE = Decimal("0.01")
_ALIKE_AMOUNT = Decimal("0.05")
_LARGER = Decimal("1.1")
_MOVED = Decimal("0.25")  # PSI from which a group counts as another one
_SWAPS = ("both", "in", "out", "neither")
_FATES = (GOOD, BAD, NONE)
_ALL = ("all", "")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Days:
    """From when to when the cases were decided."""

    start: date
    end: date


def report(trial: Trial, days: Days, tally: Tally) -> Row:
    """All that a trial found."""
    made: Row = {
        "version": REPORT,
        "policy": trial.challenger.policy_id,
        "champion": trial.champion.policy_id,
        "from": days.start.isoformat(),
        "split": trial.split.isoformat(),
        "to": days.end.isoformat(),
        "currency": trial.challenger.currency,
        "cases": {period: _fates(tally, "cases", period) for period in (BEFORE, AFTER)},
        "foreign": tally.count("foreign"),
        "sides": {side: _side(tally, side) for side in (CHAMPION, CHALLENGER)},
        "swap": [_swap(tally, which) for which in _SWAPS],
        "segments": list(_segments(tally)),
        "reasons": list(_reasons(tally)),
        "calibration": {side: list(_calibration(tally, side)) for side in (CHAMPION, CHALLENGER)},
        "auc": {side: _text(_auc(tally, side)) for side in (CHAMPION, CHALLENGER)},
        "psi": list(_psi(tally)),
        "leaks": list(_leaks(trial, tally)),
    }
    made["verdicts"] = list(_verdicts(made))
    return made


def _text(number: Decimal | None) -> str:
    return "" if number is None else plain(number)


def _fates(tally: Tally, *key: str) -> Row:
    return {fate: tally.count(*key, fate) for fate in _FATES}


def _risk(fates: Row) -> Row:
    """How many went bad of those whose outcome is known, and within which bounds."""
    known = fates[GOOD] + fates[BAD]
    low, high = wilson(fates[BAD], known)
    return {"bad_rate": _text(share(fates[BAD], known)), "bad_low": _text(low), "bad_high": _text(high)}


def _lent(tally: Tally, side: str, segment: tuple[str, ...]) -> Row:
    fates = _fates(tally, "lends", side, *segment)
    cases = sum(tally.count("segment", *segment, fate) for fate in _FATES)
    lends = sum(fates.values())
    return {
        "lends": lends,
        "lends_share": _text(share(lends, cases)),
        **fates,
        **_risk(fates),
        **{name: _text(tally.sum(name, side, *segment)) for name in ("limit", "drawn", "expected", "lost")},
    }


def _side(tally: Tally, side: str) -> Row:
    cases = sum(n for _, n in tally.under("track", side))
    limit = tally.sum("limit", side, *_ALL)
    return {
        "cases": cases,
        **_lent(tally, side, _ALL),
        "answers": {outcome: n for (outcome,), n in tally.under("answer", side)},
        "tracks": {
            track.value: {
                "cases": (n := tally.count("track", side, track)),
                "share": _text(share(n, cases)),
                "limit": _text(amount := tally.sum("track_limit", side, track)),
                "limit_share": _text(rounded(EXACT.divide(amount, limit)) if limit else Decimal(0)),
            }
            for track in Track
        },
    }


def _swap(tally: Tally, which: str) -> Row:
    fates = _fates(tally, "swap", which)
    return {
        "which": which,
        "cases": sum(fates.values()),
        **fates,
        **_risk(fates),
        "drawn": _text(tally.sum("swap_drawn", which)),
        "lost": _text(tally.sum("swap_lost", which)),
    }


def _segments(tally: Tally) -> Iterable[Row]:
    sizes: defaultdict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (kind, name, _), n in tally.under("segment"):
        sizes[kind][name] += n
    for kind in ("country", "size", "sector", "buyer"):
        for name, n in sorted(sizes[kind].items(), key=lambda one: (-one[1], one[0]))[:SEGMENTS_MAX]:
            row = {side: _lent(tally, side, (kind, name)) for side in (CHAMPION, CHALLENGER)}
            yield {"kind": kind, "name": name, "cases": n, **row}


def _reasons(tally: Tally) -> Iterable[Row]:
    codes = {code for side in (CHAMPION, CHALLENGER) for (code,), _ in tally.under("reason", side)}
    rows = [
        {"code": code} | {side: tally.count("reason", side, code) for side in (CHAMPION, CHALLENGER)} for code in codes
    ]
    return sorted(rows, key=lambda row: (-int(row[CHALLENGER]), str(row["code"])))


def _scores(tally: Tally, side: str) -> list[tuple[Decimal, Row]]:
    """By probability, rising: how many were good and bad."""
    rates = {Decimal(pd) for (pd, _), _ in tally.under("score", side)}
    return [(pd, _fates(tally, "score", side, plain(pd))) for pd in sorted(rates)]


def _calibration(tally: Tally, side: str) -> Iterable[Row]:
    for pd, fates in _scores(tally, side):
        risk = _risk(fates)
        yield {
            "pd": _text(pd),
            "cases": fates[GOOD] + fates[BAD],
            "bad": fates[BAD],
            **risk,
            "holds": Decimal(risk["bad_low"]) <= pd <= Decimal(risk["bad_high"]),
        }


def _auc(tally: Tally, side: str) -> Decimal | None:
    return figures.auc([(fates[GOOD], fates[BAD]) for _, fates in _scores(tally, side)])


def _psi(tally: Tally) -> Iterable[Row]:
    bins: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (card, characteristic, at, _), _n in tally.under("bin"):
        bins[card, characteristic].add(at)
    for (card, characteristic), found in sorted(bins.items()):
        pairs = [
            (tally.count("bin", card, characteristic, at, BEFORE), tally.count("bin", card, characteristic, at, AFTER))
            for at in sorted(found)
        ]
        yield {"card": card, "characteristic": characteristic, "psi": _text(figures.psi(pairs))}


def _leaks(trial: Trial, tally: Tally) -> Iterable[Row]:
    """Facts that look written after the outcome: what a policy learns by them it does not have on the day."""
    fates = {fate: sum(tally.count("cases", period, fate) for period in (BEFORE, AFTER)) for fate in _FATES}
    keys = {key for (key, _), _n in tally.under("known")} | {key for (key,), _n in tally.under("late")}
    known = {key: _fates(tally, "known", key) for key in keys}
    steps: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for (key, bucket, fate), n in tally.under("fact"):
        steps[key].setdefault(bucket, {GOOD: 0, BAD: 0})[fate] += n
    most_open = max((one[NONE] for one in known.values()), default=0)
    for key in sorted(keys):
        late = tally.count("late", key)
        value = _alone(known[key], steps[key])
        where_bad = _where_bad(known[key], fates)
        if late:
            why, figure = "written_after", str(late)
        elif value is not None and value > LEAK_AUC:
            why, figure = "tells_all", _text(value)
        elif where_bad is not None and where_bad > LEAK_AUC:
            why, figure = "known_by_outcome", _text(where_bad)
        elif not known[key][NONE] and most_open >= _ENOUGH and known[key][GOOD] + known[key][BAD] >= _ENOUGH:
            why, figure = "known_with_outcome", str(known[key][GOOD] + known[key][BAD])
        else:
            continue
        is_read = key in trial.challenger.deciding or key in trial.challenger.counting
        yield {"fact": key, "why": why, "figure": figure, "is_read": is_read}


def _alone(known: Row, steps: dict[str, Row]) -> Decimal | None:
    """How well a fact sorts by itself, in whichever direction; None: too few know it."""
    if min(known[GOOD], known[BAD]) < _ENOUGH:
        return None
    numbers = sorted((name for name in steps if name.startswith("n")), key=lambda name: Decimal(name[1:]))
    words = sorted(
        (name for name in steps if name.startswith("w")),
        key=lambda name: (share(steps[name][BAD], steps[name][GOOD] + steps[name][BAD]), name),
    )
    of = numbers if len(numbers) >= len(words) else words
    found = figures.auc([(steps[name][GOOD], steps[name][BAD]) for name in of])
    return None if found is None else max(found, 1 - found)


def _where_bad(known: Row, fates: Row) -> Decimal | None:
    """How well it sorts that a fact is known at all."""
    if min(fates[GOOD], fates[BAD]) < _ENOUGH:
        return None
    absent = {fate: fates[fate] - known[fate] for fate in (GOOD, BAD)}
    found = figures.auc([(absent[GOOD], absent[BAD]), (known[GOOD], known[BAD])])
    return None if found is None else max(found, 1 - found)


def _verdicts(made: Row) -> Iterable[Row]:
    """What the figures say, each as a code with its figures; the most important first."""
    champion, challenger = made["sides"][CHAMPION], made["sides"][CHALLENGER]
    if made["leaks"]:
        yield _say("leaks", facts=", ".join(one["fact"] for one in made["leaks"]))
    if not challenger["cases"]:
        yield _say("nothing")
        return
    yield _compared("lends", champion["lends_share"], challenger["lends_share"], _ALIKE_SHARE, is_share=True)
    if min(champion[BAD], challenger[BAD]) < _ENOUGH_BAD:
        yield _say("too_few", bad=str(min(champion[BAD], challenger[BAD])), needed=str(_ENOUGH_BAD))
    risk = _risk_verdict(champion, challenger)
    yield risk
    lost = _compared("lost", champion["lost"], challenger["lost"], _ALIKE_AMOUNT, is_share=False)
    yield lost
    swap = {row["which"]: row for row in made["swap"]}
    mean = {which: _mean(swap[which]) for which in ("in", "out")}
    if (
        mean["in"] > mean["out"] * _LARGER
        and mean["out"]
        and risk["code"] == "bad_less"
        and lost["code"] != "lost_less"
    ):
        yield _say("swaps_larger", into=_text(mean["in"]), out=_text(mean["out"]))
    if low := [row for row in made["calibration"][CHALLENGER] if Decimal(row["pd"]) < Decimal(row["bad_low"])]:
        yield _say("promises_less", bands=str(len(low)))
    if moved := [row["characteristic"] for row in made["psi"] if row["psi"] and Decimal(row["psi"]) > _MOVED]:
        yield _say("moved", characteristics=", ".join(dict.fromkeys(moved)))


def _say(code: str, **said: str) -> Row:
    return {"code": code, "figures": said}


def _mean(swap: Row) -> Decimal:
    cases = swap["cases"]
    return (
        EXACT.quantize(EXACT.divide(Decimal(swap["drawn"]), Decimal(cases)), Decimal("0.01")) if cases else Decimal(0)
    )


def _risk_verdict(champion: Row, challenger: Row) -> Row:
    """By count: another rate only where chance does not allow for both."""
    said = {CHAMPION: champion["bad_rate"], CHALLENGER: challenger["bad_rate"]}
    if Decimal(challenger["bad_high"]) < Decimal(champion["bad_low"]):
        return _say("bad_less", **said)
    if Decimal(challenger["bad_low"]) > Decimal(champion["bad_high"]):
        return _say("bad_more", **said)
    return _say("bad_same", **said)


def _compared(what: str, champion: str, challenger: str, alike: Decimal, *, is_share: bool) -> Row:
    """More, less, or the same within what counts as alike: so many points, or such a part of it."""
    before, now = Decimal(champion), Decimal(challenger)
    within = alike if is_share else alike * before
    code = "same" if abs(now - before) <= within else "less" if now < before else "more"
    return _say(f"{what}_{code}", champion=champion, challenger=challenger)
