"""`python -m services.portal serve|migrate|host|provider|provider-end|parked|audit`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from services.chassis import service
from services.chassis.cli import command_line
from services.chassis.database import reach
from services.chassis.settings import load
from services.portal import usecases
from services.portal.service import SERVICE, door_on
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
    Console(soft_wrap=True).print(f"{host} is {tenant}'s portal, within a second", markup=False, highlight=False)


@app.command(help="Let an identity provider (OpenID Connect) let people in. Its secret is asked for.")
def provider(  # noqa: PLR0917 - as many as a provider has
    tenant: Annotated[str, typer.Argument(help="at whose portal")],
    provider_id: Annotated[str, typer.Argument(help="a short name of it, which stays")],
    issuer: Annotated[str, typer.Argument(help="as its metadata say: https://login.acme.example")],
    client_id: Annotated[str, typer.Argument(help="how it knows the portal")],
    name: Annotated[str, typer.Argument(help="as its link says it")],
    account: Annotated[str, typer.Option(help="whose people it lets in; the seller's, if none is named")] = "",
    group: Annotated[
        list[str] | None, typer.Option(help="what a group leaves of the roles: finance=AP_CLERK,AP_MANAGER")
    ] = None,
    second_factor: Annotated[bool, typer.Option(help="it asks for a second factor itself")] = False,
    secret: Annotated[
        str, typer.Option(envvar="AR_PROVIDER_SECRET", prompt=True, hide_input=True, help="how the portal shows itself")
    ] = "",
) -> None:
    settings = load(SERVICE.settings)
    reach(settings.database_url.get_secret_value())
    groups = {one.partition("=")[0]: one.partition("=")[2].split(",") for one in group or []}

    async def save() -> None:
        async with service.database_of(settings) as database:
            await usecases.save_provider(
                door_on(settings, database),
                tenant,
                provider_id,
                name=name,
                issuer=issuer,
                client_id=client_id,
                secret=secret,
                account_id=account,
                groups=groups,
                assurance=2 if second_factor else 1,
            )

    asyncio.run(save())


@app.command(help="Let an identity provider let nobody in any more; whom it let in is out.")
def provider_end(
    tenant: Annotated[str, typer.Argument(help="at whose portal")],
    provider_id: Annotated[str, typer.Argument(help="its short name")],
) -> None:
    settings = load(SERVICE.settings)
    reach(settings.database_url.get_secret_value())

    async def end() -> bool:
        async with service.database_of(settings) as database:
            return await usecases.remove_provider(door_on(settings, database), tenant, provider_id)

    if not asyncio.run(end()):
        raise SystemExit(f"nobody called {provider_id} lets people in at {tenant}'s portal")


if __name__ == "__main__":
    app()
