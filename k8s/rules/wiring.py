"""Rules about what objects say of each other: selectors, references, settings, secrets."""

from collections import Counter
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from k8s import product
from k8s.render import Manifest, Pod, Rendering, matches, strings
from k8s.rules.finding import Complaint, complaint
from services.chassis import tls
from services.chassis.callers import CALLERS

_LABELS = {f"app.kubernetes.io/{name}" for name in ("name", "component", "part-of", "version")}
_CLUSTER_CA = "-ca"  # CloudNativePG keeps a cluster's authority in `<cluster>-ca`
_KAFKA_CA = "-cluster-ca-cert"  # and Strimzi in `<cluster>-cluster-ca-cert`
_KAFKA_USER = "kafka-"  # what Strimzi's users' secrets begin with (entityOperator.userOperator.secretPrefix)
_CERTIFICATE = {"tls.crt", "tls.key", "ca.crt"}
BODY_MOST = "9m"  # of a request, as services/portal/web.py takes it
TRUST = "receivables-trust"  # whose word counts: a map that the platform makes (`receivables keys`)


def labels(rendering: Rendering) -> Iterator[Complaint]:
    """The recommended ones, on every object and every pod."""
    for item in rendering.objects:
        if missing := _LABELS - item["metadata"].get("labels", {}).keys():
            yield complaint(item, f"lacks {sorted(missing)}")
    for pod in rendering.pods:
        if missing := _LABELS - pod.labels.keys():
            yield complaint(pod.owner, f"its pods lack {sorted(missing)}")


def unique(rendering: Rendering) -> Iterator[Complaint]:
    """No object twice."""
    found = Counter((item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in rendering.objects)
    yield from (
        Complaint(f"{kind}/{name}", "stands there twice") for (_, kind, name), times in found.items() if times > 1
    )


def namespace(rendering: Rendering) -> Iterator[Complaint]:
    """One namespace, which lets in restricted pods only."""
    names = {item["metadata"].get("namespace", "") for item in rendering.objects if item["kind"] != "Namespace"}
    if names != rendering.names("Namespace"):
        yield Complaint("Namespace/*", f"objects are in {sorted(names)}")
    for item in rendering.of("Namespace"):
        if item["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield complaint(item, "lets in pods that are not restricted")


def selectors(rendering: Rendering) -> Iterator[Complaint]:
    """What selects, selects all pods of its service that serve, and nobody else's."""
    for pod in rendering.deployments:
        if not matches(pod.owner["spec"]["selector"], pod.labels):
            yield complaint(pod.owner, "does not select its own pods")
    selecting = [(item, {"matchLabels": item["spec"].get("selector", {})}) for item in rendering.of("Service")]
    selecting += [
        (item, item["spec"].get("selector", {})) for item in rendering.of("PodDisruptionBudget", "Deployment")
    ]
    for item, selector in selecting:
        mine = item["metadata"]["labels"]["app.kubernetes.io/name"]
        taken = {(pod.owner["kind"], pod.service) for pod in rendering.pods if matches(selector, pod.labels)}
        if taken != {("Deployment", mine)}:
            yield complaint(item, f"selects {sorted(taken)}")


def references(rendering: Rendering) -> Iterator[Complaint]:
    """Every map, secret (with its keys) and account that a pod names is there, or is one that the README asks for."""
    for pod in rendering.pods:
        if pod.spec.get("serviceAccountName") not in rendering.names("ServiceAccount"):
            yield complaint(pod.owner, f"names no service account: {pod.spec.get('serviceAccountName')}")
        for name in _maps(pod):
            if name not in rendering.names("ConfigMap") | {TRUST}:
                yield complaint(pod.owner, f"names no ConfigMap: {name}")
        for name, keys in _secrets(pod):
            if missing := keys - _given(rendering, pod, name):
                yield complaint(pod.owner, f"names no secret {name} with {sorted(missing)}")


def _maps(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        for source in container.get("envFrom", []):
            yield source.get("configMapRef", {}).get("name", "")
    for volume in pod.spec.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            if "configMap" in source:
                yield source["configMap"]["name"]


def _secrets(pod: Pod) -> Iterator[tuple[str, set[str]]]:
    """The secrets that a pod mounts, with the keys of each."""
    for volume in pod.spec.get("volumes", []):
        if "secret" in volume:
            yield volume["secret"]["secretName"], {each["key"] for each in volume["secret"].get("items", [])}
        for source in volume.get("projected", {}).get("sources", []):
            if "secret" in source:
                yield source["secret"]["name"], {each["key"] for each in source["secret"].get("items", [])}


def _given(rendering: Rendering, pod: Pod, name: str) -> set[str]:
    for item in rendering.of("ExternalSecret"):
        if item["spec"]["target"]["name"] == name:
            return set(item["spec"]["target"]["template"]["data"])
    if any(name == f"{cluster}{_CLUSTER_CA}" for cluster in rendering.names("Cluster")):
        return {"ca.crt"}
    if any(name == f"{kafka}{_KAFKA_CA}" for kafka in rendering.names("Kafka")):
        return {"ca.crt"}
    if name.removeprefix(_KAFKA_USER) in rendering.names("KafkaUser"):
        return {"user.crt", "user.key"}
    if any(name == item["spec"]["secretName"] for item in rendering.of("Certificate")):
        return _CERTIFICATE
    found = {} if rendering.of("ExternalSecret") else by_hand(pod.service)
    found |= {} if rendering.of("Certificate") else {f"receivables-{pod.service}-tls": _CERTIFICATE}
    found |= {} if rendering.of("Kafka") else _for_the_broker(pod.service)
    return found.get(name, set())


def _for_the_broker(service: str) -> dict[str, set[str]]:
    return {f"{_KAFKA_USER}receivables-{service}": {"user.crt", "user.key"}, f"receivables{_KAFKA_CA}": {"ca.crt"}}


def by_hand(service: str) -> dict[str, set[str]]:
    """The secrets that a person makes where no store does, and their keys; certificates are others' work."""
    made = {f"receivables-{service}": {"database_url"}, f"receivables-{service}-owner": {"owner_database_url"}}
    if "AR_SMTP_PASSWORD" in product.product(service).settings:
        made["receivables-smtp"] = {"smtp_password"}
    if product.product(service).calls:
        made[f"receivables-{service}-identity"] = {"identity_key"}
    if "AR_PORTAL_SECRET" in product.product(service).settings:
        made[f"receivables-{service}-secret"] = {"portal_secret"}
    return made


def settings(rendering: Rendering) -> Iterator[Complaint]:
    """Every variable is a setting of the service that reads it, with a value that it accepts, and none is a secret."""
    for pod in rendering.pods:
        known, told = product.product(pod.service).settings, rendering.environment(pod)
        for name in told:
            if name not in known:
                yield complaint(pod.owner, f"sets {name}, which {pod.service} does not read")
            elif known[name].is_secret:
                yield complaint(pod.owner, f"sets {name}, a secret, as a variable")
        try:
            product.accepts(pod.service, {name: value for name, value in told.items() if name in known})
        except ValidationError as error:
            yield complaint(pod.owner, f"sets {error.errors()[0]['loc'][0]} wrongly: {error.errors()[0]['msg']}")
        serves = pod.owner["kind"] == "Deployment"
        if serves and told.get("AR_GRPC_HOST") in (None, "127.0.0.1", "localhost"):
            yield complaint(pod.owner, "listens where nobody can call it")
        if told.get("AR_CLOCK") == "test":
            yield complaint(pod.owner, "lets anybody set its clock")
        if serves and {told.get("AR_ACCESS", "require"), told.get("AR_GRPC_TLS", "require")} != {"require"}:
            yield complaint(pod.owner, "lets in callers who prove nothing")


def secrets(rendering: Rendering) -> Iterator[Complaint]:
    """As files that settings are read from, in the folder where they are looked for; only `migrate` knows the owner."""
    for item in rendering.of("Secret"):
        yield complaint(item, "is a secret in a manifest")
    for pod in rendering.pods:
        if any("valueFrom" in each for container in pod.containers for each in container.get("env", [])):
            yield complaint(pod.owner, "reads a secret as a variable")
        known = {each.file for each in product.product(pod.service).settings.values() if each.is_secret}
        files, path = _mounted(pod)
        migrates = pod.owner["kind"] == "Job"
        wanted = {"database_url", "owner_database_url"} if migrates else known - {"owner_database_url"}
        told = rendering.environment(pod)
        unasked = set() if told.get("AR_SMTP_USER") else {"smtp_password"}
        unasked |= set() if product.product(pod.service).calls else {"identity_key"}
        unasked |= set() if told.get("AR_KAFKA_SECURITY") == "sasl_ssl" else {"kafka_password"}
        if not wanted - unasked <= files <= wanted or path != product.SECRETS_PATH:
            yield complaint(pod.owner, f"finds {sorted(files)} in {path}, and reads {sorted(wanted)}")
    for item in rendering.of("ConfigMap"):
        if any("://" in text and "@" in text for text in strings(item.get("data", {}))):
            yield complaint(item, "holds an address with a password")


def _mounted(pod: Pod) -> tuple[set[str], str]:
    """The files of the volume of secrets, and where it is mounted."""
    for volume in pod.spec.get("volumes", []):
        if volume["name"] == "secrets":
            files = {
                each["path"] for source in volume["projected"]["sources"] for each in source["secret"].get("items", [])
            }
            mounts = pod.spec["containers"][0].get("volumeMounts", [])
            return files, next((m["mountPath"] for m in mounts if m["name"] == volume["name"]), "")
    return set(), ""


def services(rendering: Rendering) -> Iterator[Complaint]:
    """Headless, so that clients see every pod; and they say that it is TLS that is spoken."""
    if missing := {f"receivables-{name}" for name in product.SERVICES} - rendering.names("Service"):
        yield Complaint("Service/*", f"missing: {sorted(missing)}")
    for item in rendering.of("Service"):
        if item["spec"].get("clusterIP") != "None":
            yield complaint(item, "is not headless: one pod would get all calls of a client")
        if item["spec"].get("publishNotReadyAddresses"):
            yield complaint(item, "sends clients to pods that are not ready")
        if any(port.get("appProtocol") != _protocol(rendering, item, port) for port in item["spec"]["ports"]):
            yield complaint(item, "does not say that it speaks TLS, or says so where it does not")


def _protocol(rendering: Rendering, service: Manifest, port: Manifest) -> str:
    """What is spoken at a port of a service: TLS, but for pages whose TLS ends before them, and mail's own STARTTLS."""
    if port["name"] == "smtp":
        return "smtp"
    if port["name"] != "http":
        return "https"
    [pod] = [
        each for each in rendering.deployments if matches({"matchLabels": service["spec"]["selector"]}, each.labels)
    ]
    return "https" if rendering.environment(pod).get("AR_HTTP_TLS") == "on" else "http"


def pages(rendering: Rendering) -> Iterator[Complaint]:
    """Browsers come in over TLS alone, to whoever has pages; what is before them speaks as they do, and lets files through.

    The annotations are those of ingress-nginx; another controller has its own.
    """
    for item in rendering.of("Ingress"):
        hosts = {rule.get("host") for rule in item["spec"]["rules"]}
        if not all(hosts) or hosts != {host for tls_ in item["spec"].get("tls", []) for host in tls_.get("hosts", [])}:
            yield complaint(item, f"lets browsers in without TLS, or by any name: {sorted(map(str, hosts))}")
        said = item["metadata"].get("annotations", {})
        if said.get("nginx.ingress.kubernetes.io/proxy-body-size") != BODY_MOST:
            yield complaint(item, "does not let through what a form may bring")
        for path in (path for rule in item["spec"]["rules"] for path in rule["http"]["paths"]):
            led = path["backend"]["service"]
            named = led["name"].removeprefix("receivables-")
            if led["port"] != {"name": "http"} or named not in product.SERVICES or not product.product(named).has_pages:
                yield complaint(item, f"leads to {led}, where no pages are")
                continue
            service = rendering.one("Service", led["name"])
            speaks = _protocol(rendering, service, {"name": "http"}).upper()
            if said.get("nginx.ingress.kubernetes.io/backend-protocol") != speaks:
                yield complaint(item, f"does not speak {speaks} to {led['name']}")
    for pod in rendering.deployments:
        told = rendering.environment(pod)
        if (
            product.product(pod.service).has_pages
            and told.get("AR_HTTP_PROXIES", "0") == "0"
            and rendering.of("Ingress")
        ):
            yield complaint(pod.owner, "takes all browsers for one: it believes nobody before it who they are")


def certificates(rendering: Rendering) -> Iterator[Complaint]:
    """Each pod that serves finds its own certificate, whom to trust, and its certificate at the broker, where it looks.

    Where cert-manager makes them, every workload that may call has one with its name, and each service one for the
    names that its callers use.
    """
    for pod in rendering.deployments:
        told, settings = rendering.environment(pod), product.product(pod.service).settings
        wanted = {"AR_TLS_DIR": f"receivables-{pod.service}-tls", "AR_TRUST_DIR": TRUST}
        if told.get("AR_KAFKA_SECURITY") == "ssl" and product.product(pod.service).knows_broker:
            wanted["AR_KAFKA_TLS_DIR"] = f"{_KAFKA_USER}receivables-{pod.service}"
        if told.get("AR_HTTP_TLS") == "on":
            wanted["AR_HTTP_TLS_DIR"] = f"receivables-{pod.service}-tls"
        mounted = dict(_folders(pod))
        for name, source in wanted.items():
            folder = told.get(name) or settings[name].default or ""
            if source not in mounted.get(folder, set()):
                yield complaint(pod.owner, f"finds no {source} in {folder} ({name})")
    made = {name: item for item in rendering.of("Certificate") for name in item["spec"].get("uris", [])}
    if made:
        yield from _names(made)


def _names(made: Mapping[str, Manifest]) -> Iterator[Complaint]:
    """What certificates are for, by their URIs."""
    if missing := {f"{tls.NAMES}{workload}" for workload in CALLERS} - made.keys():
        yield Complaint("Certificate/*", f"nobody has {sorted(missing)}")
    for name in product.SERVICES:
        item = made.get(f"{tls.NAMES}{name}")
        if item is None or f"{name}.{tls.DOMAIN}" not in item["spec"].get("dnsNames", []):
            yield Complaint("Certificate/*", f"none is for {name}.{tls.DOMAIN}, as its callers know it")
            continue
        if not {"server auth", "client auth"} <= set(item["spec"]["usages"]):
            yield complaint(item, "is not for a server and a client")
        if item["spec"]["privateKey"].get("rotationPolicy") != "Always":
            yield complaint(item, "keeps its key when it is renewed")


def _folders(pod: Pod) -> Iterator[tuple[str, set[str]]]:
    """Where each volume of secrets and maps is mounted, and the names of what it holds."""
    held: dict[str, set[str]] = {}
    for volume in pod.spec.get("volumes", []):
        sources = volume.get("projected", {}).get("sources", [])
        names = {source[kind]["name"] for source in sources for kind in ("secret", "configMap") if kind in source}
        held[volume["name"]] = names | ({volume["secret"]["secretName"]} if "secret" in volume else set())
    for mount in pod.spec["containers"][0].get("volumeMounts", []):
        yield mount["mountPath"], held.get(mount["name"], set())


def calls(rendering: Rendering) -> Iterator[Complaint]:
    """Where a service calls another, its setting names that one's Service, for the client to spread its calls."""
    for pod in rendering.deployments:
        for called in product.product(pod.service).calls:
            told = rendering.environment(pod).get(f"AR_{called.upper()}_ADDRESS", "")
            if told != f"dns:///receivables-{called}:{product.DOOR}":
                yield complaint(pod.owner, f"calls {called} at {told!r}")


def budgets(rendering: Rendering) -> Iterator[Complaint]:
    """A node can be drained, a broken pod does not keep it from that, and not all pods leave at once."""
    if missing := {f"receivables-{name}" for name in product.SERVICES} - rendering.names("PodDisruptionBudget"):
        yield Complaint("PodDisruptionBudget/*", f"missing: {sorted(missing)}")
    for item in rendering.of("PodDisruptionBudget"):
        if item["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield complaint(item, "keeps a node from draining while a pod is broken")
        replicas = _replicas(rendering, item)
        allowed = item["spec"].get("maxUnavailable", replicas - item["spec"].get("minAvailable", 0))
        if not isinstance(allowed, int) or not 1 <= allowed <= max(1, replicas - 1):
            yield complaint(item, f"lets {allowed} of {replicas} leave")


def _replicas(rendering: Rendering, budget: Manifest) -> int:
    name = budget["metadata"]["name"]
    for item in rendering.of("ScaledObject", "HorizontalPodAutoscaler"):
        if item["spec"]["scaleTargetRef"]["name"] == name:
            return int(item["spec"].get("minReplicaCount") or item["spec"].get("minReplicas", 0))
    return int(rendering.one("Deployment", name)["spec"].get("replicas", 1))


def migrations(rendering: Rendering) -> Iterator[Complaint]:
    """One Job a service, before its pods, made anew at each release, which tries again until the database is there."""
    if rendering.names("Job") != {f"receivables-{name}-migrate" for name in product.SERVICES}:
        yield Complaint("Job/*", f"there are {sorted(rendering.names('Job'))}")
    for item in rendering.of("Job"):
        said = item["metadata"].get("annotations", {})
        if said.get("argocd.argoproj.io/hook") != "Sync":
            yield complaint(item, "does not run among the objects that it waits for")
        for needed in rendering.of("ExternalSecret", "Cluster", "Database", "ServiceAccount", "NetworkPolicy"):
            if _wave(needed) >= _wave(item):
                yield complaint(needed, f"comes after {item['metadata']['name']}, which waits for it")
        if said.get("argocd.argoproj.io/hook-delete-policy") != "BeforeHookCreation":
            yield complaint(item, "is not made anew at the next release")
        if item["spec"].get("backoffLimit", 6) < 10:
            yield complaint(item, "gives up before a database can have started")
        service = rendering.one("Deployment", item["metadata"]["name"].removesuffix("-migrate"))
        if _wave(item) >= _wave(service):
            yield complaint(item, "does not run before the service")


def _wave(item: Manifest) -> int:
    return int(item["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0"))
