"""Real servers from the command line: `python -m deploy.local up`, `run -- COMMAND`, `fetch`."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local import kafka, postgres, static
from deploy.local.artifacts import ROOT
from deploy.local.lodging import NoRoomError
from deploy.local.processes import ProcessDiedError, launch
from deploy.local.servers import Servers, Terminated, exports, own_folder

PATIENCE_SECONDS = 10
TERMINATED = 128 + signal.SIGTERM
TROUBLES = (ProcessDiedError, NoRoomError, TimeoutError)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def up(
    folder: Annotated[
        Path | None, typer.Option(help="Where logs and mail go; a new one below var/up if not given.")
    ] = None,
) -> None:
    """Start Kafka, PostgreSQL and a mail server, print their addresses and stay until Ctrl-C."""
    try:
        with Servers(folder or own_folder(ROOT / "var" / "up"), steady=True) as servers:
            _show(servers)
            while True:
                signal.pause()
    except TROUBLES as error:
        raise _failed(error) from None
    except Terminated:
        raise typer.Exit(TERMINATED) from None
    except KeyboardInterrupt:
        raise typer.Exit from None  # how `up` is meant to end


@app.command()
def run(command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")]) -> None:
    """Start the servers, run a command with their addresses in its environment, and exit with its code."""
    try:
        with Servers(own_folder(ROOT / "var" / "run")) as servers:
            code = _run(command, os.environ | servers.environment())
    except TROUBLES as error:
        raise _failed(error) from None
    except Terminated:
        raise typer.Exit(TERMINATED) from None
    raise typer.Exit(code if code >= 0 else 128 - code)


@app.command()
def fetch() -> None:
    """Download what servers and pages need and prepare quick starts; done at once the second time."""
    kafka.prepare()
    postgres.programs()
    static.install()
    Console().print("Everything is here.")


def _failed(error: Exception) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
    return typer.Exit(1)


def _show(servers: Servers) -> None:
    """Lines to paste into another terminal."""
    print("These answer until Ctrl-C; for another terminal:\n")
    print(exports(servers.environment()), flush=True)


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run in our own terminal session, so that Ctrl-C reaches the command too, and let it end before the servers."""
    child = subprocess.Popen(launch(command), env=environment)
    try:
        return child.wait()
    except Terminated:
        child.terminate()
        raise
    except KeyboardInterrupt:
        _wait_or(child.terminate, child)  # the terminal told it too, unless someone told only us
        raise
    finally:
        _wait_or(child.kill, child)


def _wait_or(give_up: Callable[[], None], child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        give_up()


if __name__ == "__main__":
    app()
