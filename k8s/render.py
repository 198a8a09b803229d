"""Overlays and chart as lists of objects, with the questions that rules ask of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from k8s import tools

HERE = Path(__file__).resolve().parent
OVERLAYS = HERE / "overlays"
CHART = HERE / "helm" / "receivables"
# The overlays that the chart renders too, and with which values.
SAME = {"prod": [], "prod-own-servers": ["--values", str(HERE / "helm" / "own-servers.yaml")]}
NAMESPACE = "receivables"  # where the chart is rendered to, as in overlay prod
Manifest = dict[str, Any]
_POD_OWNERS = {"Deployment", "Job"}


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as its owner would start it."""

    owner: Manifest
    labels: Mapping[str, str]
    spec: Manifest

    @property
    def service(self) -> str:
        """The service of the product that it belongs to."""
        return self.labels.get("app.kubernetes.io/name", "")

    @property
    def containers(self) -> list[Manifest]:
        """Its containers, those that run before the others included."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


@dataclass
class Rendering:
    """All objects of an overlay, or of the chart."""

    name: str
    objects: list[Manifest] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds."""
        return [item for item in self.objects if item["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        """The object of this kind and name; raises LookupError."""
        for item in self.of(kind):
            if item["metadata"]["name"] == name:
                return item
        raise LookupError(f"{self.name} has no {kind} {name}")

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind."""
        return {item["metadata"]["name"] for item in self.of(kind)}

    @property
    def pods(self) -> list[Pod]:
        """Every pod that the objects ask for (the operators' own pods are theirs)."""
        return [
            Pod(item, item["spec"]["template"]["metadata"].get("labels", {}), item["spec"]["template"]["spec"])
            for item in self.of(*_POD_OWNERS)
        ]

    @property
    def deployments(self) -> list[Pod]:
        """The pods that serve."""
        return [pod for pod in self.pods if pod.owner["kind"] == "Deployment"]

    def environment(self, pod: Pod) -> dict[str, str]:
        """The variables that a pod's container is started with: its maps in their order, then its own."""
        maps = {item["metadata"]["name"]: item.get("data", {}) for item in self.of("ConfigMap")}
        found: dict[str, str] = {}
        for container in pod.containers:
            for source in container.get("envFrom", []):
                found |= maps.get(source.get("configMapRef", {}).get("name", ""), {})
            found |= {each["name"]: each.get("value", "") for each in container.get("env", [])}
        return found


def overlays() -> list[str]:
    """The names of all overlays."""
    return sorted(folder.name for folder in OVERLAYS.iterdir() if (folder / "kustomization.yaml").exists())


def kustomize(overlay: str) -> str:
    """An overlay as kubectl renders it."""
    return tools.run("kubectl", "kustomize", str(OVERLAYS / overlay))


def helm(*arguments: str, namespace: str = NAMESPACE) -> str:
    """The chart as helm renders it."""
    return tools.run("helm", "template", "receivables", str(CHART), "--namespace", namespace, *arguments)


def read(name: str, text: str) -> Rendering:
    """What was rendered, as objects."""
    return Rendering(name, [item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item])


def title(item: Manifest) -> str:
    """How a person names an object."""
    return f"{item['kind']}/{item['metadata']['name']}"


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of labels takes these; an empty one takes everything. `In` is the one operator in use."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", [])
    )


def strings(value: Any) -> Iterator[str]:
    """Every string in an object, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def compare(overlay: str, *arguments: str) -> list[str]:
    """How the chart's objects differ from an overlay's; nothing where they are the same.

    Its namespace is not the chart's: helm wants it to be there before.
    """
    ours = {title(item): item for item in read(overlay, kustomize(overlay)).objects if item["kind"] != "Namespace"}
    chart = {title(item): item for item in read("helm", helm(*arguments)).objects}
    lines = [f"only one has {name}" for name in sorted(ours.keys() ^ chart.keys())]
    for name in sorted(ours.keys() & chart.keys()):
        lines += [f"{name}: {each}" for each in _differences(ours[name], chart[name], "$")]
    return lines


def _differences(ours: Any, chart: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(chart, dict):
        for key in sorted(ours.keys() | chart.keys()):
            yield from _differences(ours.get(key), chart.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(chart, list) and len(ours) == len(chart):
        for index, (left, right) in enumerate(zip(ours, chart, strict=True)):
            yield from _differences(left, right, f"{path}[{index}]")
    elif ours != chart:
        yield f"{path}: {ours!r} in the overlay, {chart!r} in the chart"
