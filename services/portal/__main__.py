"""`python -m services.portal serve|migrate|host|parked|audit`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from services.chassis import service
from services.chassis.cli import command_line
from services.chassis.database import reach
from services.chassis.settings import load
from services.portal import usecases
from services.portal.service import SERVICE
from services.portal.store import Host

app = command_line(SERVICE)


@app.command(help="Let a seller's portal be at a host: one host a seller (and port, where it is not 443).")
def host(
    host: Annotated[str, typer.Argument(help="as browsers name it: portal.acme.example, or localhost:8443")],
    tenant: Annotated[str, typer.Argument(help="whose portal it is")],
    name: Annotated[str, typer.Argument(help="the seller, as the pages' head shows it")],
) -> None:
    settings = load(SERVICE.settings)
    reach(settings.database_url.get_secret_value())

    async def add() -> None:
        async with service.database_of(settings) as database:
            await usecases.add_host(database, Host(host.strip().lower(), tenant, name))

    asyncio.run(add())
    Console(soft_wrap=True).print(f"{host} is {tenant}'s portal, within ten seconds", markup=False, highlight=False)


if __name__ == "__main__":
    app()
