"""What an operator types about the audit trail: list, verify, roots to keep elsewhere, clean."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from services.chassis import acts, chain, logs, operators, service
from services.chassis.chain import Root, Verified
from services.chassis.database import NOBODY, Database, is_tenant, reach
from services.chassis.settings import load
from services.kernel.refusals import quoted

T = TypeVar("T")
WIDE = 240  # characters

Tenant = Annotated[str, typer.Option(help=f"the seller's organisation; {NOBODY} for what concerns none")]


def commands(served: service.Service[Any]) -> typer.Typer:
    """The commands of one service."""
    app = typer.Typer(
        no_args_is_help=True, help="The audit trail: list, verify, the roots to keep elsewhere, clean what is too old."
    )

    @app.command("list", help="What was done and what was refused, oldest first, a page at a time.")
    def list_(
        tenant: Tenant = NOBODY,
        after: Annotated[int, typer.Option(help="the last number of the page before")] = 0,
    ) -> None:
        _print(_with_database(served, lambda database: acts.listed(database, _known(tenant), after)))

    @app.command(
        help="Compute the chain anew, and compare it with the roots that were kept; ends with 1 where it is broken."
    )
    def verify(
        tenant: Annotated[str, typer.Option(help="only this one")] = "",
        roots: Annotated[Path | None, typer.Option(help="a file of `audit roots`, kept elsewhere")] = None,
    ) -> None:
        kept = _kept(roots) if roots is not None else []
        found = _with_database(served, lambda database: _verified(database, _known(tenant) if tenant else "", kept))
        for one in found:
            typer.echo(_told(one))
        if any(one.broken for one in found):
            raise SystemExit(1)

    @app.command(
        help="The chain's hash at the end of each day, a line each: keep them where this database's owner is not."
    )
    def roots(tenant: Annotated[str, typer.Option(help="only this one")] = "") -> None:
        _with_database(served, lambda database: _print_roots(database, _known(tenant) if tenant else ""))

    @app.command(help="Throw away a tenant's acts of whole days before a day, as the owner; a root stands for them.")
    def clean(
        tenant: Tenant,
        before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="the first day that is kept, UTC")],
        by: operators.By = "",
    ) -> None:
        who = operators.who(by, served.name, load(served.settings))
        root = chain.clean(_owner(served), _known(tenant), before.date(), by=who)
        typer.echo(f"cleaned up to {root.number}, the last of {root.day}" if root else "nothing is as old")

    return app


def _print(rows: list[Any]) -> None:
    table = Table("number", "at (UTC)", "actor", "for", "by way of", "what", "account", "key", "outcome", "times")
    for row in rows:
        way = " ".join(filter(None, (row.issuer, row.workload)))
        at = f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        what = row.method.rpartition(".")[-1]
        line = (row.number, at, row.actor, row.on_behalf_of, way, what, row.account_id, row.idempotency_key)
        table.add_row(*map(str, line), f"{row.outcome} {row.code}".strip(), str(row.times))
    Console(width=WIDE).print(table)
    if len(rows) == acts.PAGE:
        Console().print(f"there may be more: --after {rows[-1].number}")


async def _print_roots(database: Database, tenant: str) -> None:
    for one in [tenant] if tenant else await chain.tenants(database):
        async for root in chain.roots(database, one):
            typer.echo(f"{root.tenant} {root.day} {root.number} {root.hash.hex()}")


def _owner(served: service.Service[Any]) -> str:
    settings = load(served.settings)
    if settings.owner_database_url is None:
        raise SystemExit("audit clean needs AR_OWNER_DATABASE_URL, the database's owner")
    owner = settings.owner_database_url.get_secret_value()
    reach(owner)
    return str(owner)


def _known(tenant: str) -> str:
    if tenant != NOBODY and not is_tenant(tenant):
        raise SystemExit(f"{quoted(tenant)} is no tenant")
    return tenant


async def _verified(database: Database, tenant: str, kept: list[Root]) -> list[Verified]:
    """Whoever is named in a kept root has a chain, whatever the database says."""
    named = [tenant] if tenant else sorted({*await chain.tenants(database), *(root.tenant for root in kept)})
    return [await chain.verify(database, one, kept) for one in named]


def _told(found: Verified) -> str:
    parts = [f"{found.tenant}: {found.acts} acts"]
    if found.waiting:
        parts.append(f"{found.waiting} not chained yet")
    if found.cleaned:
        parts.append(f"those up to {found.cleaned.number} ({found.cleaned.day}) were cleaned away")
    if broken := found.broken:
        where = f"after {broken.after}, at {broken.number}"
        parts.append(f"BROKEN {where}: {_FLAWS[broken.flaw]}")
    return ", ".join(parts)


_FLAWS: dict[chain.Flaw, str] = {
    "changed": "it was changed, or others before it were removed or put in with their links",
    "removed": "it was removed",
    "put in": "it was put in",
    "root": "the chain was made anew, it is another than the root says",
}


def _kept(file: Path) -> list[Root]:
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [
            Root(tenant, date.fromisoformat(day), int(number), bytes.fromhex(hashed))
            for tenant, day, number, hashed in lines
        ]
    except (OSError, ValueError) as error:
        raise SystemExit(f"{file} has no roots as `audit roots` writes them: {error}") from None


def _with_database(served: service.Service[Any], work: Callable[[Database], Awaitable[T]]) -> T:
    settings = load(served.settings)
    logs.configure(served.name, settings.log_level)
    reach(settings.database_url.get_secret_value())

    async def run() -> T:
        async with service.database_of(settings) as database:
            return await work(database)

    return asyncio.run(run())
