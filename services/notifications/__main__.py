"""`python -m services.notifications serve|migrate|rebuild|parked|audit`."""

from services.chassis.cli import command_line
from services.notifications.service import SERVICE

if __name__ == "__main__":
    command_line(SERVICE)()
