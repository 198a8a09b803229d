"""Rules about what the operators are asked for: topics, users, databases, scaling, monitoring, the network."""

from collections.abc import Iterator
from typing import Any

from k8s import product
from k8s.render import Manifest, Pod, Rendering, matches
from k8s.rules.finding import Complaint, complaint
from services.chassis.callers import CALLERS
from services.chassis.service import OPERATIONS
from services.chassis.sources import PORTAL

COOLDOWN_S = 300
KEEP = "currentReplicasIfHigher"
_ORDERS = "receivables.orders.v1"
_ORDERED_AT = "invoicing"
_LAG = {("topic", "receivables.*", "Describe"), ("group", "receivables-*", "Describe")}
OLDEST_CLIENT = "2.1.0"  # that Kafka 4 answers; KEDA speaks as 1.0.0 where nothing is said

_SERVICES_AND_MIGRATIONS = {
    "matchLabels": {"app.kubernetes.io/part-of": "receivables"},
    "matchExpressions": [{"key": "app.kubernetes.io/component", "operator": "In", "values": ["service", "migration"]}],
}


def topics(rendering: Rendering) -> Iterator[Complaint]:
    """The product's topics, with the partitions that it is told, kept for ever, and on two brokers before they count."""
    if not rendering.of("KafkaTopic"):
        return
    if rendering.names("KafkaTopic") != product.ALL_TOPICS:
        yield Complaint("KafkaTopic/*", f"are {sorted(rendering.names('KafkaTopic'))}")
    told = {rendering.environment(pod).get("AR_PARTITIONS") for pod in rendering.deployments}
    for item in rendering.of("KafkaTopic"):
        config = item["spec"].get("config", {})
        if told != {str(item["spec"].get("partitions"))}:
            yield complaint(item, f"has {item['spec'].get('partitions')} partitions; the services are told {told}")
        if config.get("min.insync.replicas") != 2 or item["spec"].get("replicas", 0) < 3:
            yield complaint(item, "may lose what was acknowledged")
        if config.get("retention.ms") != -1 or config.get("cleanup.policy") != "delete":
            yield complaint(item, "is not kept for ever")
        if config.get("max.message.bytes") != product.MESSAGE_MAX_BYTES:
            yield complaint(item, "does not take our longest event")


def broker(rendering: Rendering) -> Iterator[Complaint]:
    """Services are told where it is; it lets in them and who asks for the lag; two copies are on two machines."""
    for item in rendering.of("Kafka"):
        name, space = item["metadata"]["name"], item["metadata"].get("namespace")
        listeners = item["spec"]["kafka"]["listeners"]
        there = {f"{name}-kafka-bootstrap.{space}.svc:{each['port']}" for each in listeners}
        for pod in rendering.deployments:
            if (told := rendering.environment(pod).get("AR_KAFKA_BOOTSTRAP_SERVERS")) not in there:
                yield complaint(pod.owner, f"looks for the broker at {told}; it is at {sorted(there)}")
        callers = {"services", "kafka clients"} | ({"keda"} if rendering.of("ScaledObject") else set())
        for each in listeners:
            let_in = {_peer(peer) for peer in each.get("networkPolicyPeers", [None])}
            if let_in != callers:
                yield complaint(item, f"lets {sorted(let_in)} in, not {sorted(callers)}")
            if not each["tls"] or each.get("authentication", {}).get("type") != "tls":
                yield complaint(item, "lets somebody in without a certificate")
    for item in rendering.of("KafkaNodePool"):
        spread = item["spec"].get("template", {}).get("pod", {}).get("topologySpreadConstraints", [])
        pods = {"strimzi.io/pool-name": item["metadata"]["name"]}
        if not any(_holds_apart(each) and each["labelSelector"]["matchLabels"] == pods for each in spread):
            yield complaint(item, "may have two copies on one machine")


def _holds_apart(constraint: dict[str, Any]) -> bool:
    return (constraint["topologyKey"], constraint["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")


def access(rendering: Rendering) -> Iterator[Complaint]:
    """Each service's user may write its own topic and read it back, read what it follows, see that all are there; no more."""
    if not rendering.of("Kafka"):
        return
    users = {item["metadata"]["name"]: item for item in rendering.of("KafkaUser")}
    for each in product.products():
        yield from _access_of(each, users.get(each.group))
    asker = [item for item in rendering.of("KafkaUser") if item["metadata"]["name"] == "receivables-keda"]
    if [set(rights(user)) for user in asker] != [_LAG] * bool(rendering.of("ScaledObject")):
        yield Complaint("KafkaUser/receivables-keda", "does more or less than look how far groups are")
    for item in rendering.of("Kafka"):
        if "authorization" not in item["spec"]["kafka"]:
            yield complaint(item, "holds nobody to the users' rights")


def _access_of(service: product.Product, user: Manifest | None) -> Iterator[Complaint]:
    if user is None or not service.knows_broker:
        if service.knows_broker != (user is not None):
            yield Complaint("KafkaUser/*", f"{service.name} has none, or one and no business there")
        return
    wanted = {("topic", topic, "Describe") for topic in product.ALL_TOPICS}
    wanted |= {("topic", topic, "Read") for topic in service.follows | service.writes}
    wanted |= {("topic", topic, "Write") for topic in service.writes} | {("group", service.group, "Read")}
    if _ORDERS in service.follows:  # and of each source its own
        wanted |= {("topic", f"{_ORDERS}.*", operation) for operation in ("Describe", "Read")}
    if service.name == _ORDERED_AT:  # by calls, which it tells
        wanted |= {("topic", f"{_ORDERS}.{PORTAL}", operation) for operation in ("Describe", "Write")}
    if (found := set(rights(user))) != wanted:
        yield complaint(user, f"may differ from the code by {sorted(found ^ wanted)}")


def rights(user: Manifest) -> Iterator[tuple[str, str, str]]:
    """What a user may: (kind of resource, name, operation); a prefix or a wildcard is marked as such."""
    for rule in user["spec"]["authorization"]["acls"]:
        resource = rule["resource"]
        name = resource.get("name", "")
        match rule.get("type", "allow"), resource.get("patternType", "literal"):
            case "allow", "literal":
                said = name
            case "allow", "prefix":
                said = f"{name}*"
            case _:
                said = f"not plainly {resource}"
        for operation in rule["operations"]:
            yield resource["type"], said, operation


def scaling(rendering: Rendering) -> Iterator[Complaint]:
    """By the lag of exactly what a service follows, never above the partitions; who follows nothing, by its load alone."""
    scaled = [
        item["spec"]["scaleTargetRef"]["name"] for item in rendering.of("ScaledObject", "HorizontalPodAutoscaler")
    ]
    for name in sorted({name for name in scaled if scaled.count(name) > 1}):
        yield Complaint(f"Deployment/{name}", "two scalers would fight over its pods")
    yield from _by_load(rendering)
    for item in rendering.of("ScaledObject"):
        spec, name = item["spec"], item["spec"]["scaleTargetRef"]["name"]
        if name not in rendering.names("Deployment"):
            yield complaint(item, f"scales {name}, which is not there")
            continue
        deployment = rendering.one("Deployment", name)
        if "replicas" in deployment["spec"]:
            yield complaint(deployment, "has a number of replicas beside KEDA's")
        pod = next(pod for pod in rendering.deployments if pod.owner is deployment)
        yield from _bounds(item, spec, rendering.environment(pod))
        yield from _triggers(item, rendering.environment(pod), product.product(pod.service))


def _by_load(rendering: Rendering) -> Iterator[Complaint]:
    """Of who follows nothing: by its processor time, from two on, and down again slowly."""
    for item in rendering.of("HorizontalPodAutoscaler"):
        spec, name = item["spec"], item["spec"]["scaleTargetRef"]["name"]
        if name not in rendering.names("Deployment"):
            yield complaint(item, f"scales {name}, which is not there")
            continue
        deployment = rendering.one("Deployment", name)
        if "replicas" in deployment["spec"]:
            yield complaint(deployment, "has a number of replicas beside its scaler's")
        if product.product(deployment["metadata"]["labels"]["app.kubernetes.io/name"]).follows:
            yield complaint(item, "does not see the lag of what its service follows")
        if spec.get("minReplicas", 1) < 2:
            yield complaint(item, "leaves fewer than two to answer")
        asked = [
            each["resource"]["target"] for each in spec["metrics"] if each.get("resource", {}).get("name") == "cpu"
        ]
        if [each["type"] for each in asked] != ["Utilization"] or not 1 <= asked[0]["averageUtilization"] <= 100:
            yield complaint(item, "does not go by the processor time that is asked for")
        shrink = spec.get("behavior", {}).get("scaleDown", {})
        if shrink.get("stabilizationWindowSeconds", 0) < COOLDOWN_S:
            yield complaint(item, "takes replicas away as soon as a peak is over")


def _bounds(item: Manifest, spec: Manifest, told: dict[str, str]) -> Iterator[Complaint]:
    if str(spec.get("maxReplicaCount")) != told.get("AR_PARTITIONS"):
        yield complaint(item, f"goes up to {spec.get('maxReplicaCount')}, with {told.get('AR_PARTITIONS')} partitions")
    if spec.get("minReplicaCount", 0) < 2:
        yield complaint(item, "leaves fewer than two to answer calls")
    if spec.get("cooldownPeriod", 0) < COOLDOWN_S or spec.get("fallback", {}).get("behavior") != KEEP:
        yield complaint(item, "cools down too soon, or stops replicas while the broker is away")
    shrink = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {}).get("scaleDown", {})
    if shrink.get("stabilizationWindowSeconds", 0) < COOLDOWN_S:
        yield complaint(item, "takes replicas away as soon as the lag is worked off")


def _triggers(item: Manifest, told: dict[str, str], service: product.Product) -> Iterator[Complaint]:
    kafka = [each["metadata"] for each in item["spec"]["triggers"] if each["type"] == "kafka"]
    if {each["topic"] for each in kafka} != service.follows:
        yield complaint(item, f"watches {sorted(each['topic'] for each in kafka)}, not what {service.name} follows")
    for each in kafka:
        if each["consumerGroup"] != service.group or each["bootstrapServers"] != told.get("AR_KAFKA_BOOTSTRAP_SERVERS"):
            yield complaint(item, f"watches another group, or another broker, than {service.name} uses")
        if each.get("limitToPartitionsWithLag") != "true":
            yield complaint(item, "would start replicas for partitions without lag")
        if each.get("version") != OLDEST_CLIENT:
            yield complaint(item, f"speaks to the broker as a client of Kafka {each.get('version')}")
        if each.get("tls") != "enable":
            yield complaint(item, "asks the broker without a certificate")
    if any("authenticationRef" not in each for each in item["spec"]["triggers"] if each["type"] == "kafka"):
        yield complaint(item, "does not say whose certificate it shows the broker")


def databases(rendering: Rendering) -> Iterator[Complaint]:
    """One a service, with its two roles, whose secrets name the same role, database and server."""
    for cluster in rendering.of("Cluster"):
        name = cluster["metadata"]["name"]
        most = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
        if most < (needed := _connections(rendering)):
            yield complaint(cluster, f"takes {most} connections, and all replicas open {needed}")
        affinity = cluster["spec"].get("affinity", {})
        if (affinity.get("topologyKey"), affinity.get("podAntiAffinityType")) != ("kubernetes.io/hostname", "required"):
            yield complaint(cluster, "may have two copies on one machine")
        yield from _backups(rendering, cluster)
        found = {item["spec"]["name"]: item["spec"]["owner"] for item in rendering.of("Database")}
        if found != {each: f"{each}_owner" for each in product.SERVICES}:
            yield complaint(cluster, f"has the databases {found}")
        given = {item["spec"]["target"]["name"]: item for item in rendering.of("ExternalSecret")}
        roles = {role["name"]: role["passwordSecret"]["name"] for role in cluster["spec"]["managed"]["roles"]}
        for service in product.SERVICES:
            for role, suffix, key in (("server", "", "database_url"), ("owner", "-owner", "owner_database_url")):
                secret = given.get(f"receivables-{service}{suffix}")
                if roles.get(f"{service}_{role}") != f"receivables-{service}{suffix}" or secret is None:
                    yield complaint(cluster, f"does not know {service}_{role} by its secret")
                    continue
                data = secret["spec"]["target"]["template"]["data"]
                server = f"@{name}-rw.{cluster['metadata'].get('namespace')}.svc:5432/{service}?sslmode=verify-full"
                if data["username"] != f"{service}_{role}" or not (
                    data[key].startswith(f"postgresql://{service}_{role}:") and server in data[key]
                ):
                    yield complaint(secret, "leads to another role, database or server")


def _backups(rendering: Rendering, cluster: Manifest) -> Iterator[Complaint]:
    """By schedule (six fields: it begins with seconds), in a way that the cluster knows."""
    mine = [b for b in rendering.of("ScheduledBackup") if b["spec"]["cluster"]["name"] == cluster["metadata"]["name"]]
    if not mine:
        yield complaint(cluster, "is never backed up")
    for item in mine:
        if len(item["spec"]["schedule"].split()) != 6:
            yield complaint(item, f"has a schedule without seconds: {item['spec']['schedule']}")
        if item["spec"].get("method", "barmanObjectStore") not in cluster["spec"].get("backup", {}):
            yield complaint(item, "backs up in a way that the cluster is not told of")


def _connections(rendering: Rendering) -> int:
    """What all replicas open when the most of them are started: each its pool, the relay's, and one to look."""
    most = {
        item["spec"]["scaleTargetRef"]["name"]: item["spec"].get("maxReplicaCount") or item["spec"]["maxReplicas"]
        for item in rendering.of("ScaledObject", "HorizontalPodAutoscaler")
    }
    total = 0
    for pod in rendering.deployments:
        setting = product.product(pod.service).settings["AR_DATABASE_CONNECTIONS"]
        pool = int(rendering.environment(pod).get(setting.name) or setting.default or 0)
        total += (pool + 2) * int(most.get(pod.owner["metadata"]["name"], pod.owner["spec"].get("replicas", 1)))
    return total


def monitors(rendering: Rendering) -> Iterator[Complaint]:
    """Every pod that serves is scraped, under its service's name, and no other; every alert has its runbook."""
    for item in rendering.of("PodMonitor"):
        taken = [pod for pod in rendering.pods if matches(item["spec"]["selector"], pod.labels)]
        if {(pod.owner["kind"], pod.service) for pod in taken} != {("Deployment", name) for name in product.SERVICES}:
            yield complaint(item, "does not scrape every service, and services only")
        scraped = {end.get("port") for end in item["spec"]["podMetricsEndpoints"]}
        for pod in taken:
            if missing := scraped - {port["name"] for port in pod.spec["containers"][0].get("ports", [])}:
                yield complaint(item, f"scrapes ports that {pod.service} does not have: {missing}")
        if item["spec"].get("jobLabel") != "app.kubernetes.io/name":
            yield complaint(item, "does not call a service's job by the service's name, as the alerts do")
    for item in rendering.of("PrometheusRule"):
        for rule in (rule for group in item["spec"]["groups"] for rule in group["rules"] if "alert" in rule):
            if not rule.get("annotations", {}).get("runbook_url"):
                yield complaint(item, f"{rule['alert']} says nowhere what to do")


def network(rendering: Rendering) -> Iterator[Complaint]:
    """Whatever a pod may reach is what its code calls, and who may reach it is whose code calls it."""
    if not rendering.of("NetworkPolicy"):
        return
    yield from _operators_pods(rendering)
    for pod in rendering.pods:
        policies = [p for p in rendering.of("NetworkPolicy") if matches(p["spec"]["podSelector"], pod.labels)]
        closed = {kind for policy in policies for kind in policy["spec"].get("policyTypes", [])}
        if closed != {"Ingress", "Egress"}:
            yield complaint(pod.owner, f"is closed for {sorted(closed)} only")
        out = {way for policy in policies for rule in policy["spec"].get("egress", []) for way in _ways(rule, "to")}
        into = {way for policy in policies for rule in policy["spec"].get("ingress", []) for way in _ways(rule, "from")}
        if out != (wanted := _reaches(rendering, pod)):
            yield complaint(pod.owner, f"reaches more or less than it calls: {sorted(out ^ wanted)}")
        if into != (wanted := _reached(rendering, pod)):
            yield complaint(pod.owner, f"is reached by more or less than its callers: {sorted(into ^ wanted)}")


def _operators_pods(rendering: Rendering) -> Iterator[Complaint]:
    """The pods that the operators make: none of our policies closes the brokers, and only friends enter the database."""
    for item in rendering.of("NetworkPolicy"):
        for kafka in rendering.of("Kafka"):
            # Strimzi gives its pods these labels, part-of among them, whatever the labels of the Kafka object are.
            brand = {"strimzi.io/cluster": kafka["metadata"]["name"], "strimzi.io/kind": "Kafka"}
            if matches(item["spec"]["podSelector"], brand | {"app.kubernetes.io/part-of": "strimzi-receivables"}):
                yield complaint(item, "closes the broker's pods, beside the policies that Strimzi makes")
    for cluster in rendering.of("Cluster"):
        name = cluster["metadata"]["name"]
        # An operator may be told to hand our labels on to its pods.
        pod = cluster["metadata"]["labels"] | {"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}
        policies = [item for item in rendering.of("NetworkPolicy") if matches(item["spec"]["podSelector"], pod)]
        if any("Egress" in item["spec"]["policyTypes"] for item in policies):
            yield complaint(cluster, "has pods that are cut off from the API server and from their backups")
        into = {way for item in policies for rule in item["spec"].get("ingress", []) for way in _ways(rule, "from")}
        wanted = {(who, port) for who in (name, "cnpg-system/cloudnative-pg") for port in (5432, 8000)}
        wanted |= {("services and migrations", 5432), ("monitoring", 9187)}
        if into != wanted:
            yield complaint(cluster, f"is reached by more or less than it should be: {sorted(into ^ wanted)}")


def _reaches(rendering: Rendering, pod: Pod) -> set[tuple[str, int]]:
    """Names and its database for all; broker, called services and mail for those that serve."""
    ways = {("kube-system/kube-dns", 53), ("receivables-db" if rendering.of("Cluster") else "outside", 5432)}
    if pod.owner["kind"] == "Deployment":
        told, service = rendering.environment(pod), product.product(pod.service)
        if service.knows_broker:
            kafka = "receivables/Kafka" if rendering.of("Kafka") else "outside"
            ways |= {(kafka, int(each.rpartition(":")[2])) for each in told["AR_KAFKA_BOOTSTRAP_SERVERS"].split(",")}
        ways |= {(called, product.DOOR) for called in service.calls}
        ways.add(("monitoring", product.OTLP))
        if "AR_SMTP_PORT" in service.settings:
            ways.add(("outside", int(told["AR_SMTP_PORT"])))
        if service.settings.keys() & {"AR_PROVIDER_ADDRESSES", "AR_CREDIT_SOURCES", "AR_DISPUTES_CHANNEL"}:
            ways |= {(f"the internet ({version})", 443) for version in (4, 6)}
    return ways


def _reached(rendering: Rendering, pod: Pod) -> set[tuple[str, int]]:
    """Who may call it (services/chassis/callers.py), the monitoring, what brings browsers to its pages, and mail.

    Who may ask where all services stand asks each of them.
    """
    if pod.owner["kind"] != "Deployment":
        return set()
    me = product.product(pod.service)
    package = f"receivables.{me.name}.v1."
    callers = {
        name
        for name, methods in CALLERS.items()
        if OPERATIONS in methods or any(method.startswith(package) for method in methods)
    }
    assert {each.name for each in product.products() if me.name in each.calls} <= callers, "the table has its callers"
    pages = {("ingress-nginx", me.port(product.PAGES))} if me.has_pages else set()
    post = int(rendering.environment(pod).get(product.POST, "0")) if product.POST in me.settings else 0
    mail = {("mail", post)} if post else set()
    return {("monitoring", me.port("AR_METRICS_PORT"))} | {(name, product.DOOR) for name in callers} | pages | mail


def _ways(rule: Manifest, direction: str) -> Iterator[tuple[str, int]]:
    """A rule of a policy as pairs of peer and port."""
    for port in rule.get("ports", [{"port": 0}]):
        for peer in rule.get(direction, [None]):
            yield _peer(peer), port["port"]


_OWN_NETWORKS = {
    4: ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    6: ["fc00::/7", "fe80::/10"],
}
_INTERNET = {
    str({"cidr": {4: "0.0.0.0/0", 6: "::/0"}[version], "except": networks}): f"the internet ({version})"
    for version, networks in _OWN_NETWORKS.items()
}


def _peer(peer: dict[str, Any] | None) -> str:
    """What a peer is called here; whatever is not one of ours is called by its own words, and equals nothing."""
    if peer is None or "ipBlock" in peer:
        return _INTERNET.get(str(peer["ipBlock"]), "outside") if peer else "outside"
    space: str = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", "")
    pods: dict[str, str] = peer.get("podSelector", {}).get("matchLabels", {})
    match sorted(peer):
        case ["podSelector"]:
            return _ours(peer["podSelector"])
        case ["namespaceSelector"] if space:
            return space
        case ["namespaceSelector", "podSelector"] if space:
            return f"{space}/{pods.get('k8s-app') or pods.get('app.kubernetes.io/name')}"
    return str(peer)


def _ours(selector: dict[str, Any]) -> str:
    """What the pods of our own namespace that a selector takes are called here."""
    if "matchExpressions" in selector:
        return "services and migrations" if selector == _SERVICES_AND_MIGRATIONS else str(selector)
    labels: dict[str, str] = selector.get("matchLabels", {})
    found = str(selector)
    match labels:
        case {"cnpg.io/cluster": name}:
            found = name
        case {"strimzi.io/cluster": name, "strimzi.io/kind": kind}:
            found = f"{name}/{kind}"
        case {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "service" | "console"}:
            found = name
        case {"receivables.example/kafka-client": "true"}:
            found = "kafka clients"
        case {"app.kubernetes.io/part-of": "receivables", "app.kubernetes.io/component": "service"}:
            found = "services"
    return found
