"""What `python -m tests.benchmark.soak --save` measured, in `measured.json`: what the manifests ask for follows from it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s.render import CHART

FILE = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """How something was spread over all samples."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Role:
    """One service's process with its helpers."""

    # Resident, each page counted whole: what a pod that is alone on its node is charged for.
    memory_mib: Figure
    # Proportional: a page that several processes of the machine map is divided among them.
    pss_mib: Figure
    # Over the second half, by least squares, of what no file backs: the kernel may take the rest back.
    slope_mib_per_h: float
    cpu_cores: Figure
    events: int
    calls: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What it ran on; nothing that says whose it is."""

    cores: int
    memory_gib: float
    architecture: str
    python: str
    # What programs other than the soak's own took meanwhile.
    others_cores: Figure


@dataclass(frozen=True, slots=True)
class Soak:
    """One run: what was asked of the services, for how long, and what they took."""

    date: str
    minutes: float
    orders_per_s: float
    achieved_per_s: float
    orders: int
    invoices: int
    seconds_to_invoice: Figure
    machine: Machine
    roles: Mapping[str, Role]


# Whom the soak does not ask: what a trial showed on the same machine, of the process by itself beside its database.
TRIED: Mapping[str, Role] = {
    # Asked for its page of signing in, and for its overview by nobody, ten times a second for 75 s.
    "portal": Role(
        memory_mib=Figure(p50=137.3, p95=137.4, max=137.4),
        pss_mib=Figure(p50=95.7, p95=99, max=99),
        slope_mib_per_h=0,
        cpu_cores=Figure(p50=0.021, p95=0.023, max=0.023),
        events=0,
        calls=0,
    )
}


def read(file: Path = FILE) -> Soak:
    """What was measured last."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    machine, delay = content["machine"], content["seconds_to_invoice"]
    return Soak(
        **content
        | {
            "seconds_to_invoice": Figure(**delay),
            "machine": Machine(**machine | {"others_cores": Figure(**machine["others_cores"])}),
            "roles": {name: _role(role) for name, role in content["roles"].items()},
        }
    )


def _role(content: dict[str, Any]) -> Role:
    figures = {name: Figure(**content[name]) for name in ("memory_mib", "pss_mib", "cpu_cores")}
    return Role(**content | figures)


def write(soak: Soak, file: Path = FILE) -> None:
    """Keep it for the manifests' rule and the README's table."""
    file.write_text(json.dumps(asdict(soak), indent=2) + "\n", encoding="utf-8")


def table() -> str:
    """Both for the README: how it was measured, and each role's figures beside what its pod asks for."""
    soak = read()
    services = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["services"]
    machine, delay = soak.machine, soak.seconds_to_invoice
    lines = [
        f"On {soak.date}, {soak.minutes:g} minutes at {soak.orders_per_s:g} orders a second"
        f" ({soak.achieved_per_s:g} achieved: {soak.orders:,} orders, {soak.invoices:,} invoices, from order to invoice"
        f" {delay.p50:g} s in the middle and {delay.p95:g} s at the 95th percentile), one process a role, on"
        f" {machine.cores} cores ({machine.architecture}, {machine.memory_gib:g} GiB, Python {machine.python}) that broker,"
        f" database, mail server and the load itself share, and of which other programs took"
        f" {machine.others_cores.p50:g} ({machine.others_cores.p95:g} at the 95th percentile).",
        "",
        "| Role | Memory p50 / p95 / max, MiB | Slope, MiB/h | Of it proportional (PSS), p95 | CPU p50 / p95 / max, cores"
        " | Events | Calls | Requested | Limit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, role in soak.roles.items():
        lines.append(_row(name, role, services[name]["resources"], slope=f"{role.slope_mib_per_h:+g}"))
    for name, role in TRIED.items():
        lines.append(_row(f"{name} (tried alone, for a minute)", role, services[name]["resources"], slope=""))
    return "\n".join(lines)


def _row(name: str, role: Role, asked: Mapping[str, Any], *, slope: str) -> str:
    return (
        f"| {name} | {_spread(role.memory_mib)} | {slope} | {role.pss_mib.p95:g}"
        f" | {_spread(role.cpu_cores)} | {role.events:,} | {role.calls:,}"
        f" | {asked['requests']['cpu']}, {asked['requests']['memory']} | {asked['limits']['memory']} |"
    )


def _spread(figure: Figure) -> str:
    return f"{figure.p50:g} / {figure.p95:g} / {figure.max:g}"
