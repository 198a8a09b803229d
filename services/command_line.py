"""`receivables ROLE COMMAND`: what the image starts; each role is the module of the same name, `python -m services.ROLE`."""

import runpy
import sys
from collections.abc import Callable

import typer

# What a role is called, the module behind it, and what the help says. Modules are named, not imported: a role
# loads nothing of the others, and a service's helper processes import its own module again, not this one.
ROLES = {
    "credit": (
        "services.credit",
        "Decides credit: serve, migrate, rebuild, parked, audit, referred, review, hold, policy, lab.",
    ),
    "invoicing": ("services.invoicing", "Issues invoices and credit notes: serve, migrate, rebuild, parked, audit."),
    "ledger": ("services.ledger", "Keeps the books: serve, migrate, rebuild, parked, audit."),
    "disputes": ("services.disputes", "Runs the cases of disputed invoices: serve, migrate, rebuild, parked, audit."),
    "notifications": (
        "services.notifications",
        "Tells everyone concerned: serve, migrate, rebuild, parked, audit, mail-check.",
    ),
    "portal": ("services.portal", "Pages for buyers and for the seller's people: serve, migrate, host, parked, audit."),
    "keys": ("services.chassis.keys", "Who is trusted to sign calls: init, make, list, end."),
    "status": ("services.status", "Where the services stand."),
    "invoice": ("services.documents", "Shows, judges and converts anybody's invoices, without a server."),
}

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Receivables: the services, and their tools.")


def _become(name: str, module: str) -> Callable[[typer.Context], None]:
    def role(context: typer.Context) -> None:
        sys.argv = [f"receivables {name}", *context.args]
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    return role


for _name, (_module, _help) in ROLES.items():
    # The role reads its own arguments, `--help` among them.
    app.command(
        _name,
        help=_help,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    )(_become(_name, _module))

if __name__ == "__main__":
    app()
