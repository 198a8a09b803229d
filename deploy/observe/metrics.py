"""`python -m deploy.observe.metrics`: write the table of all metrics, as the code describes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from deploy.prometheus.alerts import SERVICES

FILE = Path(__file__).with_name("metrics.md")
MODULES = {"every service": "services.chassis.metrics", **{name: f"services.{name}.metrics" for name in SERVICES}}
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as its module declares it; `name` is what a query says (a histogram's without its suffix)."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    service: str

    @property
    def series(self) -> set[str]:
        """The names under which its series are found."""
        stem = self.name.removesuffix("_total")
        return {stem + suffix for suffix in _SUFFIXES[self.kind]}


def described() -> Iterator[Described]:
    """Every metric of the product."""
    for service, module in MODULES.items():
        for metric in vars(import_module(module)).values():
            if isinstance(metric, MetricWrapperBase):
                [family] = metric.describe()
                name = family.name + ("_total" if family.type == "counter" else "")
                yield Described(name, family.type, tuple(metric._labelnames), family.documentation, service)


def table() -> str:
    """The page."""
    lines = [
        "# Metrics",
        "",
        "Written by `python -m deploy.observe.metrics` from the code; a test compares the two. Durations in seconds,",
        "amounts in whole units of their currency. No label is an id or a tenant.",
        "",
        "| Metric | Kind | Labels | Of | Means |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.service} | {m.meaning} |" for m in described()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
