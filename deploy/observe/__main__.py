"""`python -m deploy.observe`: Prometheus and one page of all panels beside a demo that is up."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web
from filelock import FileLock, Timeout
from rich.console import Console

from deploy.demo.results import read_metrics_ports
from deploy.local.artifacts import ROOT
from deploy.local.processes import ProcessDiedError
from deploy.observe.page import application
from deploy.observe.servers import HOST, Prometheus
from deploy.observe.tools import MissingToolError

DEMO = ROOT / "var" / "demo"
FOLDER = ROOT / "var" / "observe"
UNUSABLE = 2

app = typer.Typer(add_completion=False, help=__doc__)
Demo = Annotated[Path, typer.Option(help="The folder of the demo that is up.")]
Own = Annotated[Path, typer.Option(help="Where Prometheus keeps its data, for as long as it runs.")]
Port = Annotated[int, typer.Option(help="Of the page.")]
Host = Annotated[str, typer.Option(help="Address of the page; 0.0.0.0 shows it to a phone in the same network.")]


@app.command()
def observe(*, demo: Demo = DEMO, folder: Own = FOLDER, host: Host = HOST, port: Port = 8080) -> None:
    """Watch until Ctrl-C."""
    try:
        ports = read_metrics_ports(demo)
    except OSError:
        raise _unusable(f"nothing is up in {demo}: start it with `make up`, in another terminal") from None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            shutil.rmtree(folder / "prometheus", ignore_errors=True)
            with Prometheus(folder, ports) as prometheus:
                console = Console()
                console.print(f"The panels are on http://{host}:{port}/ and Prometheus on {prometheus.url}/")
                console.print("Until Ctrl-C", style="dim")
                web.run_app(application(prometheus.url), host=host, port=port, print=None)
    except (MissingToolError, ProcessDiedError, TimeoutError) as error:
        raise _unusable(str(error)) from None
    except Timeout:
        raise _unusable(f"{folder} is in use: this is watched already") from None


def _unusable(message: str) -> typer.Exit:
    Console(stderr=True).print(message, style="red", markup=False, highlight=False)
    return typer.Exit(UNUSABLE)


if __name__ == "__main__":
    app()
