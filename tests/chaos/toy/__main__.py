"""`python -m tests.chaos.toy serve`."""

from services.chassis.cli import command_line
from tests.chaos.toy.service import SERVICE

command_line(SERVICE)()
