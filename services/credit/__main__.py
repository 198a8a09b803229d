"""`python -m services.credit serve|migrate|parked`, and the reviewer's commands."""

from services.chassis.cli import command_line
from services.credit.service import SERVICE

if __name__ == "__main__":
    command_line(SERVICE)()
