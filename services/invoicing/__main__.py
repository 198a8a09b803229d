"""`python -m services.invoicing serve|migrate|rebuild|parked|audit`."""

if __name__ == "__main__":
    # In here, because the processes that run the official rules import this module again and need no service.
    from services.chassis.cli import command_line
    from services.invoicing.service import SERVICE

    command_line(SERVICE)()
