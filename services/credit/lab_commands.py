"""`python -m services.credit lab run|import`: a policy author's tool, and how a history is brought in."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from receivables.credit.v1 import lab_pb2, lab_pb2_grpc
from rich.console import Console
from rich.progress import Progress

from services import contracts
from services.credit.domain import lab, underwriting
from services.credit.domain.lab import Case, Days, LineRefused, Tally, Trial
from services.credit.domain.underwriting import Policy
from services.kernel.refusals import Refusal

Ask = Callable[..., Any]
_PORTION = 500  # cases of a call, and between two steps of the bar
_SAYS = {
    "leaks": "Likely written after the outcome: {facts}. Leave these out, or the rest of this says nothing.",
    "nothing": "No case was decided after the split: nothing can be said.",
    "lends_same": "It lends to as many ({champion} and {challenger} of the cases).",
    "lends_more": "It lends to more ({champion} and {challenger} of the cases).",
    "lends_less": "It lends to fewer ({champion} and {challenger} of the cases).",
    "too_few": "Only {bad} of them went bad, and {needed} are needed to tell policies apart.",
    "bad_same": "As many go bad, as far as chance lets us see ({champion} and {challenger}).",
    "bad_more": "More go bad ({champion} and {challenger}).",
    "bad_less": "Fewer go bad ({champion} and {challenger}).",
    "lost_same": "As much is lost ({champion} and {challenger}).",
    "lost_more": "More is lost ({champion} and {challenger}).",
    "lost_less": "Less is lost ({champion} and {challenger}).",
    "swaps_larger": "It swaps in larger loans: {into} each, for {out}.",
    "promises_less": "Bands in which more go bad than it promises: {bands}.",
    "moved": "Those who came after the split differ from those before in: {characteristics}.",
}


def commands(ask: Ask) -> typer.Typer:
    """The commands; `ask` calls the service as the operator."""
    app = typer.Typer(no_args_is_help=True, help="Policies tried on the past: run, import.")

    @app.command(help="Try a policy on a history, without a server: both are files.")
    def run(
        policy: Annotated[Path, typer.Argument(help="the text that is tried", exists=True, dir_okay=False)],
        history: Annotated[Path, typer.Argument(help="cases, as CSV", exists=True, dir_okay=False)],
        *,
        champion: Annotated[
            Path | None, typer.Option(help="the text that it is compared with; else the house's own", exists=True)
        ] = None,
        split: Annotated[
            datetime | None,
            typer.Option(help="cases from this day on judge; else the last third", formats=["%Y-%m-%d"]),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="print the whole report as JSON")] = False,
    ) -> None:
        challenger = _policy(policy)
        beside = _policy(champion) if champion else underwriting.default()
        first, last, count = _ends(history)
        split_on = split.date() if split else first + (last - first) * 2 // 3
        try:
            lab.check_days(first, split_on, last)
        except Refusal as refused:
            raise SystemExit(f"{refused.code}: {refused.message}") from None
        trial = Trial(challenger, beside, split_on)
        report = lab.report(trial, Days(first, last), _tried(trial, history, count))
        print_report(report, as_json=as_json)

    @app.command("import", help="Bring in cases of the past, as CSV; each line by itself is kept or refused.")
    def import_(
        history: Annotated[Path, typer.Argument(help="cases, as CSV", exists=True, dir_okay=False)],
        tenant: Annotated[str, typer.Option(help="the seller's organisation")],
        why: Annotated[str, typer.Option(help="kept in the audit trail")],
        on_behalf_of: Annotated[
            str, typer.Option("--on-behalf-of", help="for whom you stand in, such as user:bob")
        ] = "",
    ) -> None:
        added, refused = 0, 0
        for portion in _portions(_read(history)):
            wrong = [one for one in portion if isinstance(one, LineRefused)]
            cases = [one for one in portion if isinstance(one, Case)]
            request = lab_pb2.AddHistoryRequest(cases=[contracts.history_message(case) for case in cases])
            answer = ask("AddHistory", request, tenant, why, on_behalf_of, stub=lab_pb2_grpc.LabServiceStub)
            for line in wrong:
                _say(f"{history}:{line.line}: {line.code}: {line.message}")
            for one in answer.refused:
                _say(f"{history}: {one.case_id}: {one.code}: {one.message}")
            added, refused = added + answer.added, refused + len(wrong) + len(answer.refused)
        _say(f"{added} new cases, {refused} refused")
        if refused:
            raise SystemExit(1)

    return app


def print_report(report: dict[str, Any], *, as_json: bool) -> None:
    """A report, as JSON or for people."""
    if as_json:
        _say(json.dumps(report, indent=2))
        return
    cases = report["cases"]["after"]
    _say(
        f"{sum(cases.values())} cases from {report['split']} to {report['to']} judge: {cases['good']} good, {cases['bad']} bad,"
        f" {cases['none']} without an outcome. Amounts are in {report['currency']}."
    )
    for verdict in report["verdicts"]:
        _say(f"- {_SAYS[verdict['code']].format(**verdict['figures'])}")
    _table("", ("decides now", "is tried"), _figures(report))
    _table("swap", ("cases", "bad", "drawn", "lost"), [
        (row["which"], *(str(row[name]) for name in ("cases", "bad", "drawn", "lost"))) for row in report["swap"]
    ])  # fmt: skip
    _table("promised", ("cases", "seen", "from", "to"), [
        (row["pd"], str(row["cases"]), row["bad_rate"], row["bad_low"], row["bad_high"])
        for row in report["calibration"]["challenger"]
    ])  # fmt: skip
    _table(
        "characteristic", ("PSI",), [(f"{row['card']}.{row['characteristic']}", row["psi"]) for row in report["psi"]]
    )
    for leak in report["leaks"]:
        _say(f"leak  {leak['fact']}  {leak['why']} {leak['figure']}{'  read by the policy' if leak['is_read'] else ''}")


def _figures(report: dict[str, Any]) -> list[tuple[str, ...]]:
    sides = [report["sides"][side] for side in ("champion", "challenger")]
    rows = [
        (words, *(str(side[name]) for side in sides))
        for name, words in (
            ("lends", "lends to"),
            ("lends_share", "share"),
            ("bad", "bad"),
            ("bad_rate", "bad rate"),
            ("bad_low", "at least"),
            ("bad_high", "at most"),
            ("limit", "limits"),
            ("drawn", "drawn within them"),
            ("expected", "expected loss"),
            ("lost", "seen loss"),
        )
    ]
    rows += [(f"{track} by count", *(side["tracks"][track]["share"] for side in sides)) for track in sides[0]["tracks"]]
    rows += [
        (f"{track} by limit", *(side["tracks"][track]["limit_share"] for side in sides)) for track in sides[0]["tracks"]
    ]
    return [*rows, ("AUC", *(report["auc"][side] for side in ("champion", "challenger")))]


def _table(first: str, heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    lines = [(first, *heads), *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads) + 1)]
    _say("")
    for line in lines:
        _say(
            "  ".join(
                text.ljust(width) if not at else text.rjust(width)
                for at, (text, width) in enumerate(zip(line, widths, strict=True))
            )
        )


def _policy(file: Path) -> Policy:
    try:
        return underwriting.read(file.read_text(encoding="utf-8"))
    except underwriting.MistakesFound as found:
        raise SystemExit("\n".join(f"{file}:{one.line}: {one.code}: {one.message}" for one in found.mistakes)) from None


def _read(history: Path) -> Iterator[Case | LineRefused]:
    with history.open(encoding="utf-8-sig", newline="") as lines:
        try:
            yield from lab.read_history(lines)
        except Refusal as refused:
            raise SystemExit(f"{history}: {refused.code}: {refused.message}") from None


def _ends(history: Path) -> tuple[date, date, int]:
    """The first and the last day, and how many cases; a line that is none ends the command."""
    first, last, count, wrong = date.max, date.min, 0, []
    for one in _read(history):
        if isinstance(one, LineRefused):
            wrong.append(f"{history}:{one.line}: {one.code}: {one.message}")
            continue
        first, last, count = min(first, one.decided_on), max(last, one.decided_on), count + 1
    if wrong or not count:
        raise SystemExit("\n".join(wrong) or f"{history}: there is no case")
    return first, last, count


def _tried(trial: Trial, history: Path, count: int) -> Tally:
    tally = Tally()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=count)
        for portion in _portions(_read(history)):
            tally.add(lab.try_on(trial, [one for one in portion if isinstance(one, Case)]))
            progress.advance(bar, len(portion))
    return tally


def _portions(cases: Iterator[Case | LineRefused]) -> Iterator[list[Case | LineRefused]]:
    portion: list[Case | LineRefused] = []
    for one in cases:
        portion.append(one)
        if len(portion) == _PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
