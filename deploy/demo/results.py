"""What a play leaves on disk: the documents, the summary, and the addresses while it is up."""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from receivables.invoicing.v1 import service_pb2

from deploy.demo.calls import Services
from deploy.demo.player import Stage
from deploy.demo.reconcile import Listed, listed
from deploy.local.postgres import DatabaseUrls

METRICS = "metrics.json"
LEFT_BEHIND = (
    "invoices",
    "mail",
    "logs",
    "identity",
    "summary.json",
    "lines.csv",
    "addresses.json",
    METRICS,
    "kafka.log",
    "postgres.log",
)


def clear(folder: Path) -> None:
    """Remove what an earlier play left, and nothing else."""
    for name in LEFT_BEHIND:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_documents(folder: Path, stage: Stage, tenants: Sequence[str]) -> None:
    """Write every document in its buyer's form under its number, byte for byte as RenderDocument gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = [document for tenant in tenants for document in listed(stage.services, tenant)]
    stage.all_at_once([partial(_write, folder, stage.services, document) for document in documents])


def _write(folder: Path, services: Services, document: Listed) -> None:
    request = service_pb2.RenderDocumentRequest(document=document.number)
    rendered = services.read(services.invoicing.RenderDocument, request, tenant=document.tenant)
    (folder / rendered.file_name).write_bytes(rendered.content)


def write_summary(file: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures for programs."""
    file.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_addresses(
    file: Path,
    addresses: Mapping[str, str],
    databases: Mapping[str, DatabaseUrls],
    tenants: Sequence[str],
    identity: Path,
) -> None:
    """Note where everything answers, and who vouches there (a folder), for `reconcile` in another process.

    Only its owner may read the passwords.
    """
    file.touch(mode=0o600)
    content = {
        "services": dict(addresses),
        "databases": {name: {"owner": urls.owner, "server": urls.server} for name, urls in databases.items()},
        "tenants": list(tenants),
        "identity": str(identity),
    }
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_addresses(file: Path) -> tuple[dict[str, str], dict[str, DatabaseUrls], list[str], Path]:
    """The same, read back."""
    content = json.loads(file.read_text(encoding="utf-8"))
    databases = {name: DatabaseUrls(**urls) for name, urls in content["databases"].items()}
    return content["services"], databases, content["tenants"], Path(content["identity"])


def write_metrics_ports(folder: Path, ports: Mapping[str, int]) -> None:
    """Note on which port of this machine each service gives its metrics, while the demo is up."""
    (folder / METRICS).write_text(json.dumps(dict(ports), indent=2) + "\n", encoding="utf-8")


def read_metrics_ports(folder: Path) -> dict[str, int]:
    """The same, read back; raises OSError if nothing is up."""
    ports: dict[str, int] = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return ports
