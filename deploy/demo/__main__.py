"""The demo from the command line: `python -m deploy.demo play`, `up`, `reconcile`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.demo import post, results, sample, summary, visit
from deploy.demo import reconcile as proof
from deploy.demo.calls import Services
from deploy.demo.chaos import Chaos
from deploy.demo.csv_form import SEPARATORS, Dates, Decimals, UnusableFileError, Wish
from deploy.demo.csv_lines import CsvBuyer, OrderFile, RefusedRow, read_buyers, read_orders
from deploy.demo.csv_orders import CsvPlayer
from deploy.demo.feed import Feed
from deploy.demo.player import Player, Stage
from deploy.demo.settled import NotSettledError
from deploy.demo.shop import Shop
from deploy.demo.stack import NotFreshError, ServiceGaveUpError, Stack
from deploy.local.artifacts import ROOT
from deploy.local.cluster import ERP, SHOP
from deploy.local.lodging import NoRoomError
from deploy.local.processes import ProcessDiedError
from deploy.local.servers import Servers, Terminated, exports
from deploy.local.trust import Issuers

FOLDER = ROOT / "var" / "demo"
BRITISH = "albion"
FAILED, UNUSABLE = 1, 2
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console()

Orders = Annotated[Path | None, typer.Option(help="A CSV file of order lines to play in place of the sample.")]
Buyers = Annotated[Path | None, typer.Option(help="A CSV file of buyers for --orders.")]
Separator = Annotated[
    Literal["comma", "semicolon", "tab"] | None,
    typer.Option(help="Between the fields of the files; recognised if not said."),
]
DecimalSign = Annotated[
    Decimals | None, typer.Option("--decimals", help="Before the decimals in the files; recognised if not said.")
]
DateOrder = Annotated[Dates | None, typer.Option("--dates", help="How the files write a date; recognised if not said.")]
Kill = Annotated[bool, typer.Option("--chaos", help="Kill services at random meanwhile; the figures must not change.")]
Kills = Annotated[int | None, typer.Option(help="With --chaos: at most so many kills.", min=0)]
Days = Annotated[int | None, typer.Option(help="Of the sample: only the first so many business days.", min=1)]
Folder = Annotated[Path, typer.Option(help="Where everything that stays is written.")]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for."""

    folder: Path
    days: int | None = None
    orders: OrderFile | None = None
    buyers: dict[str, CsvBuyer | RefusedRow] | None = None
    chaos: bool = False
    kills: int | None = None


@app.command()
def play(
    *,
    orders: Orders = None,
    buyers: Buyers = None,
    separator: Separator = None,
    decimals: DecimalSign = None,
    dates: DateOrder = None,
    chaos: Kill = False,
    kills: Kills = None,
    days: Days = None,
    folder: Folder = FOLDER,
) -> None:
    """Start everything, play a business, print what it came to, prove it, stop everything."""
    plan = _plan(
        orders, buyers, _wish(separator, decimals, dates), Plan(folder.resolve(), days, chaos=chaos, kills=kills)
    )
    with _ending_well(), _sole_player(plan.folder), _stage(plan.folder) as stage:
        code = _play(plan, stage)
    raise typer.Exit(code)


@app.command()
def up(
    *,
    orders: Orders = None,
    buyers: Buyers = None,
    separator: Separator = None,
    decimals: DecimalSign = None,
    dates: DateOrder = None,
    days: Days = None,
    folder: Folder = FOLDER,
) -> None:
    """The same, but stay up until Ctrl-C and say which addresses answer."""
    plan = _plan(orders, buyers, _wish(separator, decimals, dates), Plan(folder.resolve(), days))
    with _ending_well(interrupted=0), _sole_player(plan.folder), _stage(plan.folder, steady=True) as stage:
        _say("Live, in a second terminal: make observe")
        _play(plan, stage)
        _show_portals(stage)
        _show_mail(stage.stack)
        _show_addresses(stage.stack)
        while True:
            signal.pause()


@app.command()
def reconcile(folder: Folder = FOLDER) -> None:
    """Prove the figures of a business that is up once more: its files against its services."""
    try:
        addresses, databases, tenants, identity = results.read_addresses(folder / "addresses.json")
    except OSError:
        raise _unusable(f"nothing is up in {folder}: start it with `make up`") from None
    with Services(addresses, Issuers(identity), patience_s=5) as services:
        result = proof.reconcile(folder / "invoices", services, databases, tenants)
    summary.show_result(console, result)
    raise typer.Exit(FAILED if result.differences else 0)


def _wish(separator: str | None, decimals: Decimals | None, dates: Dates | None) -> Wish:
    """What is said of the files."""
    sign = next((sign for sign, name in SEPARATORS.items() if name == separator), None)
    return Wish(sign, decimals, dates)


def _plan(orders: Path | None, buyers: Path | None, wish: Wish, plan: Plan) -> Plan:
    """Read the files before anything is started."""
    if buyers is not None and orders is None:
        raise _unusable("--buyers goes with --orders")
    if orders is None:
        return plan
    try:
        known = read_buyers(buyers, BRITISH, wish) if buyers is not None else None
        file = read_orders(orders, wish, known or ())
    except UnusableFileError as error:
        raise _unusable(str(error)) from None
    _say(f"{orders}: {len(file.rows):,} lines; {file.form}")
    return Plan(plan.folder, plan.days, file, known, plan.chaos, plan.kills)


@contextmanager
def _sole_player(folder: Path) -> Iterator[None]:
    """One play at a time in a folder; what the last one left goes first."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".play.lock", timeout=0):
            results.clear(folder)
            yield
    except Timeout:
        raise _unusable(f"{folder} is in use by another demo: stop it, or take another folder") from None


@contextmanager
def _stage(folder: Path, *, steady: bool = False) -> Iterator[Stage]:
    """Servers, services, a shop and a reader of the topics; gone when the block ends, however it ends."""
    _say("Starting a broker, a database and a mail server")
    with (
        Servers(folder, steady=steady) as servers,
        Stack(servers, folder / "logs", say=_say, steady=steady) as stack,
        Services(stack.addresses, stack.issuers) as services,
        Shop(servers.cluster.brokers(SHOP)) as shop,
        Feed(servers.cluster.brokers(ERP)) as feed,
    ):
        try:
            results.write_metrics_ports(folder, {name: one.metrics_port for name, one in stack.running.items()})
            yield Stage(stack, services, shop, feed)
        finally:
            _say("Stopping")
            (folder / "addresses.json").unlink(missing_ok=True)
            (folder / results.METRICS).unlink(missing_ok=True)


def _play(plan: Plan, stage: Stage) -> int:
    """Play, sum up, prove; give the exit code."""
    chaos = Chaos(stage.stack, most=plan.kills if plan.chaos else 0)
    with chaos:
        if plan.orders is None:
            tenants, lines = _play_sample(plan, stage), None
        else:
            tenants, lines = [BRITISH], _play_file(plan, stage)
    databases = {name: service.database for name, service in stage.stack.running.items()}
    stack = stage.stack
    results.write_addresses(plan.folder / "addresses.json", stack.addresses, databases, tenants, stack.issuers.folder)
    results.write_documents(plan.folder / "invoices", stage, tenants)
    result = proof.reconcile(plan.folder / "invoices", stage.services, databases, tenants)
    figures = summary.figures(stage.facts, stage.services, databases, tenants)
    figures["refused_calls"] = dict(sorted(stage.refusals.items()))
    if lines is not None:
        figures["lines"] = lines
        figures["file"] = str(plan.orders.form) if plan.orders else ""
    figures["reconciliation"] = {
        "documents": result.documents,
        "accounts": result.accounts,
        "differences": list(result.differences),
    }
    figures["disturbances"] = {"kills": len(chaos.kills), "restarts": stage.stack.restarts}
    results.write_summary(plan.folder / "summary.json", figures)
    summary.show(console, figures)
    summary.show_result(console, result)
    _say(f"Everything is in {plan.folder}: summary.json, invoices, mail, logs" + (", lines.csv" if lines else ""))
    return FAILED if result.differences else 0


def _play_sample(plan: Plan, stage: Stage) -> list[str]:
    business = sample.load(days=plan.days)
    player = Player(stage, business)
    with _progress() as progress:
        task = progress.add_task("Playing", total=len(business.steps))
        player.open(business.steps[0])
        for step in business.steps:
            progress.update(task, description=f"{step.at:%A %d %B, %H:%M}")
            player.play(step)
            progress.advance(task)
    return [seller.tenant for seller in business.sellers]


def _play_file(plan: Plan, stage: Stage) -> dict[str, dict[str, int]]:
    assert plan.orders is not None, "the file was read"
    [seller] = [seller for seller in sample.load().sellers if seller.tenant == BRITISH]
    player = CsvPlayer(stage, seller, plan.orders.rows, plan.buyers)
    with _progress() as progress:
        task = progress.add_task("Lines of the file", total=len(plan.orders.rows))
        player.play(lambda done: progress.update(task, completed=done))
    player.write(plan.folder / "lines.csv")
    tally = {outcome: dict(sorted(reasons.items())) for outcome, reasons in player.tally().items()}
    assert sum(sum(reasons.values()) for reasons in tally.values()) == len(plan.orders.rows), "a line was lost"
    return tally


@contextmanager
def _ending_well(interrupted: int = INTERRUPTED) -> Iterator[None]:
    """Turn what may go wrong into a sentence and an exit code."""
    try:
        yield
    except (NotFreshError, NotSettledError, ServiceGaveUpError, ProcessDiedError, NoRoomError, TimeoutError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from None
    except Terminated:
        raise typer.Exit(TERMINATED) from None
    except KeyboardInterrupt:
        raise typer.Exit(interrupted) from None


def _unusable(message: str) -> typer.Exit:
    Console(stderr=True).print(message, style="red", markup=False, highlight=False)
    return typer.Exit(UNUSABLE)


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _say(text: str) -> None:
    console.print(text, style="dim", highlight=False)


@app.command()
def link(address: Annotated[str, typer.Argument(help="of who has asked for a link")], folder: Folder = FOLDER) -> None:
    """Print the link into the portal that was mailed to somebody last."""
    if not (links := visit.links_of(folder / "mail", address)):
        raise _unusable(f"no mail with a link for {address} in {folder / 'mail'}: ask for one at the portal first")
    print(links[-1])


@app.command()
def answer(
    address: Annotated[str, typer.Argument(help="of who answers the last mail that they got about one case")],
    words: Annotated[str, typer.Argument(help="what they write")],
    folder: Folder = FOLDER,
    port: Annotated[int, typer.Option(help="where mail comes in, as `up` prints it")] = post.STEADY_PORT,
    authority: Annotated[Path, typer.Option(help="of its certificate, as `up` prints it")] = Path("ca.crt"),
) -> None:
    """Answer by mail, for somebody of the sample."""
    if not (to := post.reply_to(folder / "mail", address)):
        raise _unusable(f"no mail about one case for {address} in {folder / 'mail'}")
    post.send(words, of=address, to=to, port=port, authority=authority)
    print(f"sent to {to}")


def _show_mail(stack: Stack) -> None:
    """Where mail is taken."""
    door = f"--port {stack.mail_port} --authority {stack.servers.authority.file}"
    print(
        f"\nReplies by mail are taken at 127.0.0.1:{stack.mail_port} (SMTP, STARTTLS). To answer somebody's last mail:\n"
    )
    print(f'.venv/bin/python -m deploy.demo answer ADDRESS "WORDS" {door}')


def _show_portals(stage: Stage) -> None:
    """Where the pages are, and who may come in."""
    if not stage.portals:
        return
    print("\nPages, for people: type one of these addresses there, then `.venv/bin/python -m deploy.demo link ADDRESS`")
    print("prints the link that the mail brings.\n")
    people = sample.load().contacts
    for tenant, base in stage.portals.items():
        print(base)
        own = [person for person in people if person.tenant == tenant]
        admins = [p for p in own if p.account and "ACCOUNT_ADMIN" in p.roles]
        clerks = [p for p in own if p.account and "ACCOUNT_ADMIN" not in p.roles]
        for person in (*clerks[:2], *admins[:1], *(p for p in own if not p.account)):
            print(f"  {person.email:34} {' '.join(person.roles)}{f' of {person.account}' if person.account else ''}")


def _show_addresses(stack: Stack) -> None:
    """Lines to paste into another terminal."""
    metrics = {
        f"AR_{name.upper()}_METRICS": f"http://{service.address.split(':')[0]}:{service.metrics_port}/metrics"
        for name, service in stack.running.items()
    }
    print("\nThese answer until Ctrl-C; for another terminal (then, for one, `.venv/bin/receivables status`):\n")
    print(exports(stack.operator | metrics | stack.servers.environment()), flush=True)


if __name__ == "__main__":
    app()
