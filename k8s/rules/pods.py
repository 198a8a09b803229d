"""Rules about single pods: who they are, what they may, how they start, answer probes and stop."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

from k8s import measured, product
from k8s.render import Pod, Rendering, matches
from k8s.rules.finding import Complaint, complaint

STARTUP_S = 600  # a migration of a large table, or a database that is being restored
READINESS_S = 2
LIVENESS_S = 60  # a machine under pressure, or a collection of garbage, is no reason to lose a pod
GRACE_S = 60
PRE_STOP_S = 5
LOWEST_USER = 10_001
REQUEST_MOST = Decimal("2.5")  # times what was measured: more would keep a node's memory from others for nothing
LIMIT_LEAST = Decimal("1.5")  # times the most that was measured: a peak that nobody has seen yet is no reason to die
CPU_STEP = Decimal("0.01")
_VOLUMES = {"name", "secret", "projected", "emptyDir"}
_UNITS = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "m": Decimal("0.001"),
    "": Decimal(1),
}


def security(rendering: Rendering) -> Iterator[Complaint]:
    """Pod Security "restricted", a user of our own, nothing writable but volumes."""
    for pod in rendering.pods:
        user = pod.spec.get("securityContext", {})
        if user.get("runAsNonRoot") is not True or user.get("runAsUser", 0) < LOWEST_USER:
            yield complaint(pod.owner, f"runs as root, or as a user below {LOWEST_USER}")
        if user.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield complaint(pod.owner, "has no seccomp profile RuntimeDefault")
        if any(pod.spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
            yield complaint(pod.owner, "shares a namespace of the machine")
        if foreign := {kind for each in pod.spec.get("volumes", []) for kind in each} - _VOLUMES:
            yield complaint(pod.owner, f"mounts {sorted(foreign)}")
        for container in pod.containers:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield complaint(pod.owner, "may gain privileges")
            if own.get("readOnlyRootFilesystem") is not True:
                yield complaint(pod.owner, "can write its root file system")
            if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
                yield complaint(pod.owner, "keeps capabilities")


def service_account(rendering: Rendering) -> Iterator[Complaint]:
    """An account of its own for each service, and its token in no pod: nothing here asks the API server."""
    for pod in rendering.pods:
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield complaint(pod.owner, "gets a token of its service account")
        if pod.spec.get("serviceAccountName") != f"receivables-{pod.service}":
            yield complaint(pod.owner, "runs under another's service account")
    for account in rendering.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield complaint(account, "hands out its token")


def resources(rendering: Rendering) -> Iterator[Complaint]:
    """Requests for both, a memory limit not below the request, and no CPU limit (throttling stretches transactions).

    What a service asks for follows from `measured.json`; migrations were not measured.
    """
    for pod in rendering.pods:
        for container in pod.containers:
            asked, limit = (container.get("resources", {}).get(part, {}) for part in ("requests", "limits"))
            if not {"cpu", "memory"} <= asked.keys() or "memory" not in limit:
                yield complaint(pod.owner, "lacks a request, or a memory limit")
            elif quantity(asked["memory"]) > quantity(limit["memory"]):
                yield complaint(pod.owner, f"requests {asked['memory']} above its limit {limit['memory']}")
            if "cpu" in limit:
                yield complaint(pod.owner, "has a CPU limit")
    roles = measured.read().roles
    for pod in rendering.deployments:
        if pod.service in measured.TRIED:
            if pod.service in roles:
                yield complaint(pod.owner, "was measured: what was tried before counts no more")
            yield from _follows(pod, measured.TRIED[pod.service])
        elif (role := roles.get(pod.service)) is None:
            yield complaint(pod.owner, "was never measured")
        else:
            yield from _follows(pod, role)


def _follows(pod: Pod, role: measured.Role) -> Iterator[Complaint]:
    said = pod.spec["containers"][0].get("resources", {})
    asked, limit = said.get("requests", {}), said.get("limits", {})
    usual, most = (Decimal(str(mib)) * _UNITS["Mi"] for mib in (role.memory_mib.p95, role.memory_mib.max))
    cores = Decimal(str(role.cpu_cores.p95)).quantize(CPU_STEP, ROUND_CEILING)
    if "memory" in asked and quantity(asked["memory"]) < usual:
        yield complaint(pod.owner, f"requests {asked['memory']}, and {role.memory_mib.p95} MiB were measured (p95)")
    if "memory" in asked and quantity(asked["memory"]) > usual * REQUEST_MOST:
        yield complaint(
            pod.owner, f"requests {asked['memory']}, above {REQUEST_MOST} times the measured {role.memory_mib.p95} MiB"
        )
    if "memory" in limit and quantity(limit["memory"]) < most * LIMIT_LEAST:
        yield complaint(
            pod.owner,
            f"has the limit {limit['memory']}, below {LIMIT_LEAST} times the measured {role.memory_mib.max} MiB",
        )
    if "cpu" in asked and quantity(str(asked["cpu"])) < cores:
        yield complaint(pod.owner, f"requests CPU {asked['cpu']}, and {cores} cores were measured (p95, rounded up)")


def quantity(text: str) -> Decimal:
    """A quantity of Kubernetes as a number: 192Mi, 200m, 1."""
    digits = text.rstrip("KMGim")
    return Decimal(digits) * _UNITS[text[len(digits) :]]


def probes(rendering: Rendering) -> Iterator[Complaint]:
    """By gRPC, to a name that the server answers, and in time; none of them asks for broker or database."""
    wanted = {"startupProbe": "readiness", "readinessProbe": "readiness", "livenessProbe": "liveness"}
    for pod in rendering.deployments:
        container = pod.spec["containers"][0]
        for kind, name in wanted.items():
            probe = container.get(kind, {})
            asked = probe.get("grpc", {})
            if asked.get("service") != name or name not in product.PROBES:
                yield complaint(pod.owner, f"{kind} does not ask for {name} by gRPC")
            if asked.get("port") != _port(rendering, pod, "AR_GRPC_PORT"):
                yield complaint(pod.owner, f"{kind} asks at another port than the server's")
        startup, ready = (container.get(kind, {}) for kind in ("startupProbe", "readinessProbe"))
        if startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3) < STARTUP_S:
            yield complaint(pod.owner, f"is given less than {STARTUP_S} s to start")
        if pod.owner["spec"].get("progressDeadlineSeconds", 600) <= STARTUP_S:
            yield complaint(pod.owner, "is called failed while its pods may still be starting")
        if ready.get("periodSeconds", 10) > READINESS_S:
            yield complaint(pod.owner, f"is asked for readiness less often than every {READINESS_S} s")
        alive = container.get("livenessProbe", {})
        if alive.get("periodSeconds", 10) * alive.get("failureThreshold", 3) < LIVENESS_S:
            yield complaint(pod.owner, f"is killed when it is slow for less than {LIVENESS_S} s")


def ports(rendering: Rendering) -> Iterator[Complaint]:
    """The ports that the settings make the server open, named as services and monitors name them."""
    for pod in rendering.deployments:
        real = {"grpc": "AR_GRPC_TLS_PORT", "health": "AR_GRPC_PORT", "metrics": "AR_METRICS_PORT"}
        real |= {"http": product.PAGES} if product.product(pod.service).has_pages else {}
        real |= {"smtp": product.POST} if _takes_mail(rendering, pod) else {}
        said = {port["name"]: port["containerPort"] for port in pod.spec["containers"][0].get("ports", [])}
        expected = {name: _port(rendering, pod, setting) for name, setting in real.items()}
        if said != expected:
            yield complaint(pod.owner, f"says {said}, and its server opens {expected}")
    for service in rendering.of("Service"):
        doors = {"grpc": product.DOOR}
        for pod in rendering.deployments:
            if not matches({"matchLabels": service["spec"]["selector"]}, pod.labels):
                continue
            if product.product(pod.service).has_pages:
                doors["http"] = _port(rendering, pod, product.PAGES)
            if _takes_mail(rendering, pod):
                doors["smtp"] = _port(rendering, pod, product.POST)
        if {port.get("targetPort"): port["port"] for port in service["spec"]["ports"]} != doors:
            yield complaint(service, f"leads to {service['spec']['ports']}; its doors are {doors}")


def _takes_mail(rendering: Rendering, pod: Pod) -> bool:
    return product.POST in product.product(pod.service).settings and _port(rendering, pod, product.POST) > 0


def _port(rendering: Rendering, pod: Pod, setting: str) -> int:
    told = rendering.environment(pod).get(setting)
    return int(told) if told else product.product(pod.service).port(setting)


def stopping(rendering: Rendering) -> Iterator[Complaint]:
    """Clients learn that the pod leaves before it gets SIGTERM, it has time to finish, and its successor is ready."""
    for pod in rendering.deployments:
        if pod.owner["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield complaint(pod.owner, "is stopped before its successor is ready")
        sleep = pod.spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if sleep < PRE_STOP_S:
            yield complaint(pod.owner, f"does not sleep {PRE_STOP_S} s before it is stopped")
        if pod.spec.get("terminationGracePeriodSeconds", 30) < GRACE_S:
            yield complaint(pod.owner, f"has less than {GRACE_S} s to stop")


def spread(rendering: Rendering) -> Iterator[Complaint]:
    """Over zones and machines, each version by itself, so that a rolling update does not count the old pods."""
    for pod in rendering.deployments:
        constraints = pod.spec.get("topologySpreadConstraints", [])
        if {each["topologyKey"] for each in constraints} != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield complaint(pod.owner, "is not spread over zones and machines")
        for each in constraints:
            if each.get("matchLabelKeys") != ["pod-template-hash"]:
                yield complaint(pod.owner, "counts the pods of other versions when it spreads")
            if not matches(each["labelSelector"], pod.labels):
                yield complaint(pod.owner, "counts other pods than its own when it spreads")


def image(rendering: Rendering) -> Iterator[Complaint]:
    """One image for all roles, named by a tag or a digest that says which."""
    images = {container["image"] for pod in rendering.pods for container in pod.containers}
    for pod in rendering.pods:
        for container in pod.containers:
            name, _, tag = container["image"].rpartition(":")
            if not name or "/" in tag or tag == "latest":
                yield complaint(pod.owner, f"names no version of its image: {container['image']}")
    if len(images) > 1:
        yield Complaint("Deployment/*", f"roles run different images: {sorted(images)}")


def role(rendering: Rendering) -> Iterator[Complaint]:
    """The role is the command: `receivables <service> serve` or `migrate`, as the image's entry point takes it."""
    for pod in rendering.pods:
        wanted = [pod.service, "serve" if pod.owner["kind"] == "Deployment" else "migrate"]
        container = pod.spec["containers"][0]
        if container.get("args") != wanted or "command" in container or pod.service not in product.CONSOLE_ROLES:
            yield complaint(pod.owner, f"starts {container.get('command', [])} {container.get('args')}, not {wanted}")


def scratch(rendering: Rendering) -> Iterator[Complaint]:
    """Only /tmp can be written, and what is written there has a bound."""
    for pod in rendering.pods:
        volumes: dict[str, Any] = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        for mount in pod.spec["containers"][0].get("volumeMounts", []):
            volume = volumes.get(mount["name"], {})
            if mount["mountPath"] == "/tmp":  # noqa: S108 - the pod's own
                if "sizeLimit" not in volume.get("emptyDir", {}):
                    yield complaint(pod.owner, "has no bound on /tmp")
            elif mount.get("readOnly") is not True:
                yield complaint(pod.owner, f"can write {mount['mountPath']}")
        if not any(mount["mountPath"] == "/tmp" for mount in pod.spec["containers"][0].get("volumeMounts", [])):  # noqa: S108
            yield complaint(pod.owner, "has no /tmp")
