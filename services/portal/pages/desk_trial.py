"""A policy tried on the past, at the seller's desk: begun, watched, read; activated as ever, by another person."""

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from fastapi.responses import Response
from receivables.credit.v1 import applications_pb2, lab_pb2

from services import contracts
from services.kernel import histories
from services.kernel.histories import Case, LineRefused
from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.portal.asks import Refused, Unknown
from services.portal.domain import trials
from services.portal.domain.applications import is_theirs
from services.portal.domain.people import Guard
from services.portal.labels import LABELS
from services.portal.web import PAGE, Ask, get, post

READS = Guard(frozenset({"CREDIT", "SELLER_ADMIN", "AUDITOR"}))
TRIES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}))
FILE_MAX = 8_000_000  # bytes
_ROWS = 500  # of a file, on the page that answers
_PORTION = 500  # cases of a call
_SPAN = timedelta(days=3 * 365)  # of the cases that a form proposes
_SOURCES = ("TRIAL_SOURCE_BOTH", "TRIAL_SOURCE_OWN", "TRIAL_SOURCE_HISTORY")


@get("/desk/policy/{policy}/trial", READS)
async def trial(ask: Ask) -> Response:
    """The newest trial of a policy, or the one that is named: how far it is, or what it found; and how to begin one."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "") -> Response:
    policy_id = ask.path("policy")
    request = applications_pb2.GetPolicyTextRequest(policy_id=policy_id)
    listing = lab_pb2.ListTrialsRequest(policy_id=policy_id, page_size=PAGE, page_token=ask.query("after"))
    policy, listed, today = await asyncio.gather(
        ask.of.policies("GetPolicyText", request), ask.of.lab("ListTrials", listing), ask.today()
    )
    shown = ask.query("trial") or (listed.trials[0].trial_id if listed.trials else "")
    found = await _trial(ask, shown) if shown else None
    typed = {name: ask.typed(name) for name in ("source", "from_day", "split_day", "to_day")}
    return ask.show(
        "desk_trial.html",
        status,
        policy=policy.policy,
        is_proposers=is_theirs(ask.person, policy.policy.proposed_by),
        trial=found,
        trials=listed.trials,
        next_token=listed.next_page_token,
        sources=[(name, ask.words.label(name)) for name in _SOURCES],
        typed={**_proposed(today), **{name: text for name, text in typed.items() if text}},
        refused=refused,
        **_report(ask, found),
    )


async def _trial(ask: Ask, trial_id: str) -> Any:
    """A trial of the policy in the address; another one's is none."""
    found = (await ask.of.lab("GetTrial", lab_pb2.GetTrialRequest(trial_id=trial_id))).trial
    if found.policy_id != ask.path("policy"):
        raise Unknown
    return found


def _proposed(today: date) -> Mapping[str, str]:
    """Three years, the last of which judges."""
    start = today - _SPAN
    return {
        "source": _SOURCES[0],
        "from_day": start.isoformat(),
        "split_day": (start + _SPAN * 2 / 3).isoformat(),
        "to_day": today.isoformat(),
    }


def _report(ask: Ask, found: Any) -> dict[str, Any]:
    """What the page draws of a report; none of it before the end."""
    report = trials.read(found.report) if found is not None else None
    if report is None:
        return {"report": None}
    words = ask.words

    def amount(text: str) -> str:
        return words.money(Money.of(Decimal(text), report["currency"]))

    show: dict[str, Callable[[Any], str]] = {"amount": amount, "share": words.share, "number": words.number, "": str}

    def sentence(kind: str, row: Mapping[str, Any]) -> str:
        form = show[trials.kind_of(row["code"])]
        figures = {name: form(text) for name, text in row["figures"].items()}
        if "facts" in figures:
            figures["facts"] = ", ".join(words.named(key, "fact") for key in figures["facts"].split(", "))
        return words.say(str(LABELS[f"{kind} {row['code']}"]), **figures)

    return {
        "report": report,
        "amount": amount,
        "verdicts": [(row["code"], sentence("verdict", row)) for row in report["verdicts"]],
        "leaks": [
            (row, words.say(str(LABELS[f"leak {row['why']}"]), figure=words.number(row["figure"])))
            for row in report["leaks"]
        ],
        "figures": [
            (f"figure {name}", [show[kind](report["sides"][side][name]) for side in trials.SIDES])
            for name, kind in trials.FIGURES
        ],
        "risks": trials.risks(report),
        "bands": trials.calibration(report),
        "sides": trials.SIDES,
        "tracks": trials.TRACKS,
    }


@get("/desk/policy/{policy}/trial/progress", READS)
async def progress(ask: Ask) -> Response:
    """How far a trial is, for the page that shows it; at its end that page, which is drawn anew."""
    found = await _trial(ask, ask.query("trial"))
    if lab_pb2.TrialState.Name(found.state) != "TRIAL_STATE_RUNNING":
        return await _show(ask)
    return ask.show("desk_trial_progress.html", trial=found, policy_id=ask.path("policy"))


@post("/desk/policy/{policy}/trial", TRIES)
async def begin(ask: Ask) -> Response:
    """Try it on the past; nothing is decided by that."""
    write = ask.write()
    request = lab_pb2.StartTrialRequest(
        trial_id=write.key[-40:],
        policy_id=ask.path("policy"),
        source=lab_pb2.TrialSource.Value(ask.typed("source")) if ask.typed("source") in _SOURCES else 0,  # type: ignore[arg-type] # an enum's number
        from_day=ask.typed("from_day"),
        split_day=ask.typed("split_day"),
        to_day=ask.typed("to_day"),
    )
    try:
        begun = await ask.of.patiently().lab("StartTrial", request, write)
    except (Refused, Invalid) as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go(f"/desk/policy/{ask.path('policy')}/trial", trial=begun.trial.trial_id)


@post("/desk/policy/{policy}/trial/cancel", TRIES)
async def cancel(ask: Ask) -> Response:
    """Call off one that is under way."""
    try:
        await ask.of.lab("CancelTrial", lab_pb2.CancelTrialRequest(trial_id=ask.typed("trial")), ask.write())
    except Refused as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go(f"/desk/policy/{ask.path('policy')}/trial", trial=ask.typed("trial"))


@dataclass(frozen=True, slots=True)
class _Line:
    """What was refused of a file, and why."""

    place: str
    why: str


@get("/desk/policy-history", TRIES)
async def new_history(ask: Ask) -> Response:
    """Where a file with cases of the past is given."""
    return _show_history(ask)


def _show_history(ask: Ask, status: int = 200, **values: Any) -> Response:
    common: dict[str, Any] = {"header": ",".join(histories.COLUMNS), "added": None, "rows": (), "left_off": 0}
    return ask.show("desk_history.html", status, **{**common, **values})


@post("/desk/policy-history", TRIES)
async def import_history(ask: Ask) -> Response:
    """Keep cases of the past, and show each line that is none; the same file again keeps nothing twice."""
    file = ask.file("file")
    content = await file.read(FILE_MAX + 1) if file else b""
    try:
        if not content or len(content) > FILE_MAX:
            raise Invalid("history_file.none", "choose a file of at most 8 MB")
        read = await asyncio.to_thread(_read, content)
        cases = [one for one in read if isinstance(one, Case)]
        rows = [
            _Line(str(one.line), ask.refused(Refused(one.code, one.message)))
            for one in read
            if isinstance(one, LineRefused)
        ]
        added, of = 0, ask.of.patiently()
        for at in range(0, len(cases), _PORTION):
            request = lab_pb2.AddHistoryRequest(
                cases=[contracts.history_message(case) for case in cases[at : at + _PORTION]]
            )
            answer = await of.lab("AddHistory", request, ask.write_also(f"part-{at:012}"))
            added += answer.added
            rows += [_Line(one.case_id, ask.refused(Refused(one.code, one.message))) for one in answer.refused]
    except (Refused, Invalid) as refused:
        return _show_history(ask, 422, errors={"file": ask.refused(refused)})
    return _show_history(ask, added=added, rows=rows[:_ROWS], left_off=max(0, len(rows) - _ROWS))


def _read(content: bytes) -> list[Case | LineRefused]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("history_file.none", "the file is no text in UTF-8") from None
    return list(histories.read_history(io.StringIO(text, newline="")))
