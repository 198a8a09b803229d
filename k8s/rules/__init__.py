"""All that a rendering is judged by: a name that stays, and the function that looks."""

from collections.abc import Iterator, Mapping

from k8s import schemas
from k8s.render import Rendering
from k8s.rules import platform, pods, wiring
from k8s.rules.finding import Complaint, Rule, complaint


def schema(rendering: Rendering) -> Iterator[Complaint]:
    """The schemas of Kubernetes and of the operators' kinds; a field that they do not know is refused."""
    for item in rendering.objects:
        for says in schemas.complaints(item):
            yield complaint(item, says)


RULES: Mapping[str, Rule] = {
    "schema": schema,
    "labels": wiring.labels,
    "unique": wiring.unique,
    "namespace": wiring.namespace,
    "selectors": wiring.selectors,
    "references": wiring.references,
    "settings": wiring.settings,
    "secrets": wiring.secrets,
    "services": wiring.services,
    "pages": wiring.pages,
    "certificates": wiring.certificates,
    "calls": wiring.calls,
    "budgets": wiring.budgets,
    "migrations": wiring.migrations,
    "security": pods.security,
    "service-account": pods.service_account,
    "resources": pods.resources,
    "probes": pods.probes,
    "ports": pods.ports,
    "stopping": pods.stopping,
    "spread": pods.spread,
    "image": pods.image,
    "role": pods.role,
    "scratch": pods.scratch,
    "topics": platform.topics,
    "broker": platform.broker,
    "access": platform.access,
    "scaling": platform.scaling,
    "databases": platform.databases,
    "monitors": platform.monitors,
    "network": platform.network,
}


def judge(rendering: Rendering) -> list[tuple[str, Complaint]]:
    """Every rule's complaints about a rendering, each with the rule's name."""
    return [(name, found) for name, rule in RULES.items() for found in rule(rendering)]
