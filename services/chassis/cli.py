"""The command line that every service has: serve, migrate, rebuild, what to do with parked events, the audit trail.

What waits and what is rebuilt is worked at where the database is, so that it can be done while nothing answers: whoever
does it is known by their operator's key, or says who they are where there is none.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.chassis import acts, audit_commands, logs, operators, parked, pauses, service
from services.chassis.consumer import Consumer
from services.chassis.database import is_tenant, reach
from services.chassis.parked import Listed, Shown
from services.chassis.settings import ChassisSettings, load

WIDE = 240  # characters
SHOWN, SHOWN_FIELDS = 10_000, 100  # of a field, characters, and how many headers

Number = Annotated[int, typer.Argument(help="the parked event's number, as `parked list` shows it")]
Why = Annotated[str, typer.Option(help="kept with the event")]


def command_line(served: service.Service[Any]) -> typer.Typer:
    """The commands of one service."""
    app = typer.Typer(no_args_is_help=True, help=f"The {served.name} service; settings are AR_… variables.")
    app.add_typer(_parked_commands(served), name="parked")
    app.add_typer(audit_commands.commands(served), name="audit")

    @app.command(help="Answer calls, follow topics and publish, until SIGTERM.")
    def serve() -> None:
        service.serve(served)

    @app.command(help="Bring the database up to this version (as its owner; safe twice and at once).")
    def migrate() -> None:
        settings = load(ChassisSettings)  # what only serving needs is not given to it
        logs.configure(served.name, settings.log_level)
        service.run_migrations(served, settings)

    if served.fold is not None:

        @app.command(
            help="Bring the database (empty, or an older copy) up to what the service told; it does not run meanwhile."
        )
        def rebuild(
            over_gaps: Annotated[
                bool,
                typer.Option("--over-gaps", help="go on where events of ours are missing: an operator discarded them"),
            ] = False,
            by: operators.By = "",
        ) -> None:
            settings = load(served.settings)
            logs.configure(served.name, settings.log_level)
            who = operators.who(by, served.name, settings)
            done = service.run_rebuild(served, settings, over_gaps=over_gaps, by=who)
            Console().print(
                f"{done.told} of our own events and {done.followed} followed ones are written; "
                f"{done.waiting} wait and are tried again after the start"
            )

    return app


def _parked_commands(served: service.Service[Any]) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Events that wait: list, show, replay in order, discard.")

    @app.command("list", help="What waits, oldest first, a page at a time.")
    def list_(
        reason: Annotated[str | None, typer.Option(help="unreadable, refused, failed, early or behind")] = None,
        subject: Annotated[str | None, typer.Option(help="such as order/o1")] = None,
        after: Annotated[int, typer.Option(help="the last number of the page before")] = 0,
    ) -> None:
        async def work(consumer: Consumer) -> None:
            async with consumer.database.transaction(()) as tx:
                rows = await parked.listed(tx, consumer.name, reason=reason, subject=subject, after=after)
            _print(rows)

        _with_consumer(served, work)

    @app.command(help="One event: headers, reason, trace, and how large its payload is.")
    def show(number: Number) -> None:
        async def work(consumer: Consumer) -> None:
            row = await _one(consumer, number)
            _page().print({name: _short(getattr(row, name)) for name in row.__dataclass_fields__})

        _with_consumer(served, work)

    @app.command(help="Handle it again, and after it, in order, what stands behind it.")
    def replay(number: Number, by: operators.By = "") -> None:
        who = _who(served, by)

        async def work(consumer: Consumer) -> None:
            row = await _one(consumer, number)
            await _told(consumer, "parked replay", who, row.tenant, str(number))
            await consumer.replay(row, by=who)
            async with consumer.database.transaction(()) as tx:
                left = await parked.find(tx, consumer.name, number)
            if left:
                raise SystemExit(f"it still waits: {left.reason} {left.code}: {left.detail}")
            Console().print("handled")

        _with_consumer(served, work)

    @app.command(help="Give it up, with a reason; what stands behind it is handled.")
    def discard(number: Number, why: Why, by: operators.By = "") -> None:
        who = _who(served, by)

        async def work(consumer: Consumer) -> None:
            row = await _one(consumer, number)
            await _told(consumer, "parked discard", who, row.tenant, str(number))
            await consumer.discard(row, by=who, why=why)
            Console().print("discarded")

        _with_consumer(served, work)

    _add_tenant_commands(app, served)
    return app


def _add_tenant_commands(app: typer.Typer, served: service.Service[Any]) -> None:
    @app.command(help="Tenants whose events wait, since too many in a row have failed.")
    def tenants() -> None:
        async def work(consumer: Consumer) -> None:
            async with consumer.database.transaction(await consumer.database.tenants()) as tx:
                rows = await pauses.paused(tx, consumer.name)
            table = Table("tenant", "paused since", "failed in a row")
            for row in rows:
                table.add_row(row.tenant, f"{row.paused_since:%Y-%m-%d %H:%M:%S}", str(row.failures_in_row))
            _page().print(table)

        _with_consumer(served, work)

    @app.command(help="Handle a paused tenant's events again, in order, first those that failed; then go on with it.")
    def resume(
        tenant: Annotated[str, typer.Argument(help="as `parked tenants` shows it")], by: operators.By = ""
    ) -> None:
        who = _who(served, by)

        async def work(consumer: Consumer) -> None:
            if not is_tenant(tenant) or not await consumer.is_paused(tenant):
                raise SystemExit(f"{tenant[:63]} is not paused")
            await _told(consumer, "parked resume", who, tenant, "")
            if not await consumer.resume(tenant, by=who):
                raise SystemExit(
                    "it stays paused: as many have failed in a row again; `parked list` and `show` say why"
                )
            Console().print("resumed")

        _with_consumer(served, work)


def _who(served: service.Service[Any], by: str) -> str:
    return operators.who(by, served.name, load(served.settings))


def _with_consumer(served: service.Service[Any], work: Callable[[Consumer], Awaitable[None]]) -> None:
    settings = load(served.settings)
    logs.configure(served.name, settings.log_level)
    reach(settings.database_url.get_secret_value())

    async def run() -> None:
        async with service.database_of(settings) as database:
            await work(served.consumer(settings, database))

    asyncio.run(run())


async def _told(consumer: Consumer, command: str, by: str, tenant: str, about: str) -> None:
    await acts.commanded(consumer.database, command, by=by, tenant=tenant, about=about)


async def _one(consumer: Consumer, number: int) -> Shown:
    async with consumer.database.transaction(()) as tx:
        row = await parked.find(tx, consumer.name, number)
    if row is None:
        raise SystemExit(f"no parked event has the number {number}")
    return row


def _short(value: Any) -> Any:
    """A field as a person can read it: somebody may have sent headers of megabytes."""
    if isinstance(value, dict):
        return {_short(name): _short(text) for name, text in list(value.items())[:SHOWN_FIELDS]}
    if isinstance(value, (str, bytes)) and len(value) > SHOWN:
        return f"{value[:SHOWN]!r} … {len(value):,} in all"
    return value


def _page() -> Console:
    """As wide as the terminal; where there is none, wide enough that nothing is cut off."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def _print(rows: list[Listed]) -> None:
    table = Table("number", "reason", "code", "type", "tenant", "subject", "since", "attempts", "bytes")
    for row in rows:
        table.add_row(
            str(row.id),
            row.reason,
            row.code,
            row.event_type.rsplit(".", 1)[-1],
            row.tenant,
            row.subject,
            f"{row.parked_at:%Y-%m-%d %H:%M:%S}",
            str(row.attempts),
            f"{row.size:,}",
        )
    _page().print(table)
    if len(rows) == parked.PAGE:
        Console().print(f"there may be more: --after {rows[-1].id}")
