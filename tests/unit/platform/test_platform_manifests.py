"""What is applied to a cluster: every overlay is sound, the chart renders the same, and what is broken is caught."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import yaml

from k8s import documents, measured, render, tools
from k8s.measured import Figure, Role
from k8s.render import Manifest, Rendering
from k8s.rules import RULES, judge


def deployment(rendering: Rendering, name: str = "receivables-credit") -> Manifest:
    spec: Manifest = rendering.one("Deployment", name)["spec"]["template"]["spec"]
    return spec


def container(rendering: Rendering, name: str = "receivables-credit") -> Manifest:
    first: Manifest = deployment(rendering, name)["containers"][0]
    return first


def shared_map(rendering: Rendering) -> dict[str, str]:
    return map_with(rendering, "AR_PARTITIONS")


def map_with(rendering: Rendering, setting: str) -> dict[str, str]:
    found: dict[str, str] = next(i["data"] for i in rendering.of("ConfigMap") if setting in i["data"])
    return found


def policy(rendering: Rendering, name: str = "receivables-credit") -> Manifest:
    spec: Manifest = rendering.one("NetworkPolicy", name)["spec"]
    return spec


def times_usual(factor: float) -> str:
    return f"{factor * measured.read().roles['credit'].memory_mib.p95:.0f}Mi"


def times_most(factor: float) -> str:
    return f"{factor * measured.read().roles['credit'].memory_mib.max:.0f}Mi"


def port(rendering: Rendering) -> Manifest:
    found: Manifest = rendering.one("Service", "receivables-credit")["spec"]["ports"][0]
    return found


def volume(rendering: Rendering, name: str) -> Manifest:
    return next(each for each in deployment(rendering)["volumes"] if each["name"] == name)


def certificate(rendering: Rendering) -> Manifest:
    found: Manifest = rendering.one("Certificate", "receivables-credit")["spec"]
    return found


def ingress(rendering: Rendering) -> Manifest:
    spec: Manifest = rendering.one("Ingress", "receivables-portal")["spec"]
    return spec


def backend(rendering: Rendering) -> Manifest:
    found: Manifest = ingress(rendering)["rules"][0]["http"]["paths"][0]["backend"]["service"]
    return found


def annotations(rendering: Rendering) -> Manifest:
    found: Manifest = rendering.one("Ingress", "receivables-portal")["metadata"]["annotations"]
    return found


def pages_map(rendering: Rendering) -> dict[str, str]:
    return map_with(rendering, "AR_HTTP_TLS")


def browsers(rendering: Rendering) -> Manifest:
    """The rule of the portal's policy by which browsers come in."""
    return next(rule for rule in policy(rendering, "receivables-portal")["ingress"] if rule["ports"][0]["port"] == 8443)


def scaler(rendering: Rendering) -> Manifest:
    spec: Manifest = rendering.one("HorizontalPodAutoscaler", "receivables-portal")["spec"]
    return spec


def drop(rendering: Rendering, kind: str, name: str) -> None:
    rendering.objects.remove(rendering.one(kind, name))


# What is broken, the rule that must see it, and how. Each one is a mistake that somebody has made in a cluster.
BROKEN: list[tuple[str, str, Callable[[Rendering], object]]] = [
    ("a field that Kubernetes does not know", "schema", lambda r: container(r).update(readynessProbe={})),
    (
        "a field that the operator does not know",
        "schema",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"].update(maxReplicas=12),
    ),
    (
        "a kind of an old API version",
        "schema",
        lambda r: r.one("KafkaTopic", "receivables.credit.v1").update(apiVersion="kafka.strimzi.io/v1beta2"),
    ),
    ("a field of the wrong type", "schema", lambda r: container(r)["ports"][0].update(containerPort="50051")),
    (
        "a selector that matches no label",
        "selectors",
        lambda r: r.one("Service", "receivables-credit")["spec"]["selector"].update(
            {"app.kubernetes.io/name": "kredit"}
        ),
    ),
    (
        "a service that takes the migration's pods too",
        "selectors",
        lambda r: r.one("Service", "receivables-credit")["spec"]["selector"].pop("app.kubernetes.io/component"),
    ),
    (
        "a service that leads to another port",
        "ports",
        lambda r: r.one("Service", "receivables-credit")["spec"]["ports"][0].update(targetPort="metrics"),
    ),
    ("a port that the server does not open", "ports", lambda r: container(r)["ports"][1].update(containerPort=9090)),
    ("a server told another port than its pod says", "ports", lambda r: shared_map(r).update(AR_GRPC_PORT="50052")),
    (
        "a probe of a service that nobody serves",
        "probes",
        lambda r: container(r)["livenessProbe"]["grpc"].update(service="alive"),
    ),
    ("a start of half a minute", "probes", lambda r: container(r)["startupProbe"].update(failureThreshold=6)),
    ("a readiness asked every ten seconds", "probes", lambda r: container(r)["readinessProbe"].pop("periodSeconds")),
    (
        "a request above its limit",
        "resources",
        lambda r: container(r)["resources"]["requests"].update(memory="1Gi"),
    ),
    (
        "a request below what was measured",
        "resources",
        lambda r: container(r)["resources"]["requests"].update(memory=times_usual(0.9)),
    ),
    (
        "a request that keeps a node's memory for nothing",
        "resources",
        lambda r: container(r)["resources"].update(
            requests={"cpu": "1", "memory": times_usual(2.6)}, limits={"memory": times_usual(4)}
        ),
    ),
    (
        "a limit that is hardly above what was seen",
        "resources",
        lambda r: container(r)["resources"].update(
            requests={"cpu": "1", "memory": times_most(1.1)}, limits={"memory": times_most(1.4)}
        ),
    ),
    (
        "a service that nobody measured",
        "resources",
        lambda r: r.one("Deployment", "receivables-credit")["spec"]["template"]["metadata"]["labels"].update(
            {"app.kubernetes.io/name": "kredit"}
        ),
    ),
    (
        "less CPU than was measured",
        "resources",
        lambda r: container(r)["resources"]["requests"].update(
            cpu=f"{1000 * measured.read().roles['credit'].cpu_cores.p95 - 1:.0f}m"
        ),
    ),
    ("a CPU limit", "resources", lambda r: container(r)["resources"]["limits"].update(cpu="1")),
    (
        "a map that is not there",
        "references",
        lambda r: container(r)["envFrom"][0]["configMapRef"].update(name="receivables"),
    ),
    ("a secret that nobody makes", "references", lambda r: drop(r, "ExternalSecret", "receivables-ledger-owner")),
    ("an account that is not there", "references", lambda r: drop(r, "ServiceAccount", "receivables-disputes")),
    (
        "a key that the secret lacks",
        "references",
        lambda r: r.one("ExternalSecret", "receivables-smtp")["spec"]["target"]["template"]["data"].pop(
            "smtp_password"
        ),
    ),
    ("a setting with a typing error", "settings", lambda r: shared_map(r).update(AR_PARTITONS="12")),
    ("a setting that its class refuses", "settings", lambda r: shared_map(r).update(AR_LOG_LEVEL="LOUD")),
    ("a server that only its own pod reaches", "settings", lambda r: shared_map(r).pop("AR_GRPC_HOST")),
    ("a clock that anybody may set", "settings", lambda r: shared_map(r).update(AR_CLOCK="test")),
    (
        "a secret among the variables",
        "settings",
        lambda r: shared_map(r).update(AR_DATABASE_URL="postgresql://localhost/credit"),
    ),
    (
        "a secret in the manifests",
        "secrets",
        lambda r: r.objects.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": {}}, "data": {}}
        ),
    ),
    (
        "a service that knows the owner",
        "secrets",
        lambda r: deployment(r)["volumes"][0]["projected"]["sources"].append(
            {
                "secret": {
                    "name": "receivables-credit-owner",
                    "items": [{"key": "owner_database_url", "path": "owner_database_url"}],
                }
            }
        ),
    ),
    ("secrets where nobody looks", "secrets", lambda r: container(r)["volumeMounts"][0].update(mountPath="/secrets")),
    (
        "a service behind one address",
        "services",
        lambda r: r.one("Service", "receivables-ledger")["spec"].pop("clusterIP"),
    ),
    (
        "a call to an address that leads to one pod",
        "calls",
        lambda r: map_with(r, "AR_SMTP_HOST").update(AR_INVOICING_ADDRESS="receivables-invoicing:50051"),
    ),
    (
        "a budget that lets no pod leave",
        "budgets",
        lambda r: r.one("PodDisruptionBudget", "receivables-credit")["spec"].update(maxUnavailable=0),
    ),
    (
        "a broken pod that keeps a node",
        "budgets",
        lambda r: r.one("PodDisruptionBudget", "receivables-credit")["spec"].pop("unhealthyPodEvictionPolicy"),
    ),
    (
        "a service that starts before its migration",
        "migrations",
        lambda r: r.one("Job", "receivables-credit-migrate")["metadata"]["annotations"].update(
            {"argocd.argoproj.io/sync-wave": "2"}
        ),
    ),
    (
        "a migration that gives up at once",
        "migrations",
        lambda r: r.one("Job", "receivables-credit-migrate")["spec"].update(backoffLimit=0),
    ),
    ("a pod that may be root", "security", lambda r: deployment(r)["securityContext"].pop("runAsNonRoot")),
    (
        "a root file system that can be written",
        "security",
        lambda r: container(r)["securityContext"].update(readOnlyRootFilesystem=False),
    ),
    (
        "a capability kept",
        "security",
        lambda r: container(r)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
    ),
    ("a token for everybody", "service-account", lambda r: deployment(r).pop("automountServiceAccountToken")),
    ("a stop without warning to the clients", "stopping", lambda r: container(r).pop("lifecycle")),
    (
        "a spread that counts the old version",
        "spread",
        lambda r: deployment(r)["topologySpreadConstraints"][0].pop("matchLabelKeys"),
    ),
    ("an image of any version", "image", lambda r: container(r).update(image="registry.example/receivables")),
    ("a role that does another's work", "role", lambda r: container(r).update(args=["ledger", "serve"])),
    ("a /tmp without bound", "scratch", lambda r: deployment(r)["volumes"][1].update(emptyDir={})),
    (
        "a topic with more partitions than the services know",
        "topics",
        lambda r: r.one("KafkaTopic", "receivables.credit.v1")["spec"].update(partitions=24),
    ),
    (
        "a topic that forgets",
        "topics",
        lambda r: r.one("KafkaTopic", "receivables.ledger.v1")["spec"]["config"].update({"retention.ms": 604800000}),
    ),
    (
        "one copy that counts as saved",
        "topics",
        lambda r: r.one("KafkaTopic", "receivables.ledger.v1")["spec"]["config"].update({"min.insync.replicas": 1}),
    ),
    (
        "a user who may write another's topic",
        "access",
        lambda r: r.one("KafkaUser", "receivables-credit")["spec"]["authorization"]["acls"][2]["operations"].append(
            "Write"
        ),
    ),
    (
        "a user who cannot read what it follows",
        "access",
        lambda r: r.one("KafkaUser", "receivables-credit")["spec"]["authorization"]["acls"].pop(2),
    ),
    (
        "a user by prefix",
        "access",
        lambda r: r.one("KafkaUser", "receivables-credit")["spec"]["authorization"]["acls"][0]["resource"].update(
            patternType="prefix"
        ),
    ),
    (
        "more replicas than partitions",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"].update(maxReplicaCount=30),
    ),
    (
        "a scaler that watches what is not followed",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"]["triggers"][0]["metadata"].update(
            topic="receivables.credit.v1"
        ),
    ),
    (
        "two masters of the replicas",
        "scaling",
        lambda r: r.one("Deployment", "receivables-credit")["spec"].update(replicas=3),
    ),
    (
        "a database that takes too few connections",
        "databases",
        lambda r: shared_map(r).update(AR_DATABASE_CONNECTIONS="20"),
    ),
    ("a database less", "databases", lambda r: drop(r, "Database", "receivables-ledger")),
    (
        "a secret of another role",
        "databases",
        lambda r: r.one("ExternalSecret", "receivables-credit")["spec"]["target"]["template"]["data"].update(
            username="ledger_server"
        ),
    ),
    (
        "a monitor of a port that no pod has",
        "monitors",
        lambda r: r.one("PodMonitor", "receivables")["spec"]["podMetricsEndpoints"][0].update(port="http"),
    ),
    (
        "a job that the alerts do not know",
        "monitors",
        lambda r: r.one("PodMonitor", "receivables")["spec"].pop("jobLabel"),
    ),
    (
        "an alert without a runbook",
        "monitors",
        lambda r: r.one("PrometheusRule", "receivables")["spec"]["groups"][-1]["rules"][0].pop("annotations"),
    ),
    ("a way out to everywhere", "network", lambda r: policy(r)["egress"].append({})),
    (
        "a way to a service that is not called",
        "network",
        lambda r: policy(r)["egress"].append(policy(r, "receivables-notifications")["egress"][4]),
    ),
    (
        "a broker that is cut off",
        "network",
        lambda r: policy(r)["egress"].pop(2),
    ),
    (
        "mail that is cut off when its port changes",
        "network",
        lambda r: map_with(r, "AR_SMTP_HOST").update(AR_SMTP_PORT="465"),
    ),
    (
        "pages that reach networks of our own",
        "network",
        lambda r: policy(r, "receivables-portal")["egress"][-1]["to"][0]["ipBlock"]["except"].remove("169.254.0.0/16"),
    ),
    ("pods that nothing closes", "network", lambda r: drop(r, "NetworkPolicy", "receivables-migrations")),
    (
        "a namespace that lets in everybody",
        "namespace",
        lambda r: r.one("Namespace", "receivables")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
    ),
    ("an object twice", "unique", lambda r: r.objects.append(r.one("Service", "receivables-credit"))),
    (
        "clients sent to pods that are not ready",
        "services",
        lambda r: r.one("Service", "receivables-credit")["spec"].update(publishNotReadyAddresses=True),
    ),
    ("a pod killed for one slow answer", "probes", lambda r: container(r)["livenessProbe"].update(failureThreshold=1)),
    (
        "a pod stopped before its successor is ready",
        "stopping",
        lambda r: r.one("Deployment", "receivables-credit")["spec"]["strategy"]["rollingUpdate"].update(
            maxUnavailable=1
        ),
    ),
    (
        "a variable that a migration does not read",
        "settings",
        lambda r: r.one("Job", "receivables-credit-migrate")["spec"]["template"]["spec"]["containers"][0].update(
            env=[{"name": "AR_OWNER_DATABASE", "value": "x"}]
        ),
    ),
    (
        "a broker in another namespace",
        "broker",
        lambda r: shared_map(r).update(AR_KAFKA_BOOTSTRAP_SERVERS="receivables-kafka-bootstrap.kafka.svc:9092"),
    ),
    (
        "a broker that anybody may write to",
        "broker",
        lambda r: r.one("Kafka", "receivables")["spec"]["kafka"]["listeners"][0].pop("networkPolicyPeers"),
    ),
    (
        "a scaler that the broker does not let in",
        "broker",
        lambda r: r.one("Kafka", "receivables")["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"].pop(1),
    ),
    (
        "two brokers on one machine",
        "broker",
        lambda r: r.one("KafkaNodePool", "receivables-brokers")["spec"].pop("template"),
    ),
    (
        "replicas stopped while the broker is away",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"]["fallback"].pop("behavior"),
    ),
    (
        "replicas that come and go",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"].pop("advanced"),
    ),
    (
        "a scaler too old for the broker",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"]["triggers"][0]["metadata"].pop("version"),
    ),
    (
        "two copies of the database on one machine",
        "databases",
        lambda r: r.one("Cluster", "receivables-db")["spec"]["affinity"].update(podAntiAffinityType="preferred"),
    ),
    ("a database that is never backed up", "databases", lambda r: drop(r, "ScheduledBackup", "receivables-db")),
    (
        "a backup that the operator does not understand",
        "databases",
        lambda r: r.one("ScheduledBackup", "receivables-db")["spec"].update(schedule="0 2 * * *"),
    ),
    (
        "a backup to nowhere",
        "databases",
        lambda r: r.one("ScheduledBackup", "receivables-db")["spec"].pop("method"),
    ),
    (
        "a rollout called failed before its pods can have started",
        "probes",
        lambda r: r.one("Deployment", "receivables-credit")["spec"].pop("progressDeadlineSeconds"),
    ),
    (
        "a migration before its secrets are made",
        "migrations",
        lambda r: r.one("Job", "receivables-credit-migrate")["metadata"]["annotations"].update(
            {"argocd.argoproj.io/hook": "PreSync"}
        ),
    ),
    (
        "a secret that comes after who waits for it",
        "migrations",
        lambda r: r.one("ExternalSecret", "receivables-credit-owner")["metadata"].update(
            annotations={"argocd.argoproj.io/sync-wave": "2"}
        ),
    ),
    (
        "a folder of the machine",
        "security",
        lambda r: deployment(r)["volumes"].append({"name": "logs", "hostPath": {"path": "/var/log"}}),
    ),
    (
        "a default that closes the operators' pods",
        "network",
        lambda r: policy(r, "receivables-default-deny").update(podSelector={}),
    ),
    (
        "a default that closes what inherits our labels",
        "network",
        lambda r: policy(r, "receivables-default-deny")["podSelector"].pop("matchExpressions"),
    ),
    ("a database that every pod reaches", "network", lambda r: drop(r, "NetworkPolicy", "receivables-db")),
    (
        "a database whose operator does not learn its state",
        "network",
        lambda r: policy(r, "receivables-db")["ingress"][1]["ports"].pop(1),
    ),
    (
        "a database whose copies cannot follow",
        "network",
        lambda r: policy(r, "receivables-db")["ingress"][1]["from"].pop(0),
    ),
    ("a door for whoever proves nothing", "settings", lambda r: shared_map(r).update(AR_ACCESS="accept")),
    ("a door without TLS", "settings", lambda r: shared_map(r).update(AR_GRPC_TLS="off")),
    ("a service that says it speaks plain text", "services", lambda r: port(r).update(appProtocol="kubernetes.io/h2c")),
    ("another's certificate", "certificates", lambda r: volume(r, "tls")["secret"].update(secretName="other-tls")),
    ("nobody to trust", "certificates", lambda r: deployment(r)["volumes"].remove(volume(r, "trust"))),
    ("a certificate without a name", "certificates", lambda r: certificate(r).pop("uris")),
    ("a certificate for other names", "certificates", lambda r: certificate(r).update(dnsNames=["credit"])),
    ("a certificate for servers alone", "certificates", lambda r: certificate(r)["usages"].remove("client auth")),
    (
        "a caller without a certificate",
        "certificates",
        lambda r: drop(r, "Certificate", "receivables-operator"),
    ),
    (
        "a listener without certificates",
        "broker",
        lambda r: r.one("Kafka", "receivables")["spec"]["kafka"]["listeners"][0].update(tls=False),
    ),
    (
        "a scaler that shows no certificate",
        "scaling",
        lambda r: r.one("ScaledObject", "receivables-credit")["spec"]["triggers"][0].pop("authenticationRef"),
    ),
    (
        "a scaler that may read",
        "access",
        lambda r: r.one("KafkaUser", "receivables-keda")["spec"]["authorization"]["acls"][0]["operations"].append(
            "Read"
        ),
    ),
    (
        "sources of orders that nobody reads",
        "access",
        lambda r: [
            rule["resource"].update(name="receivables.shop.v1.")
            for rule in r.one("KafkaUser", "receivables-credit")["spec"]["authorization"]["acls"]
            if rule["resource"]["patternType"] == "prefix"
        ],
    ),
    (
        "a caller that the table does not know",
        "network",
        lambda r: policy(r, "receivables-credit")["ingress"][0]["from"][0]["podSelector"]["matchLabels"].update(
            {"app.kubernetes.io/name": "shop"}
        ),
    ),
    (
        "pages by a name without a certificate",
        "pages",
        lambda r: ingress(r)["rules"].append(ingress(r)["rules"][0] | {"host": "other.receivables.example"}),
    ),
    ("pages for whatever name a browser says", "pages", lambda r: ingress(r)["rules"][0].pop("host")),
    (
        "browsers led to where no pages are",
        "pages",
        lambda r: backend(r).update(name="receivables-credit"),
    ),
    ("browsers led to the door of calls", "pages", lambda r: backend(r).update(port={"name": "grpc"})),
    (
        "a proxy that speaks plain text to pages over TLS",
        "pages",
        lambda r: annotations(r).pop("nginx.ingress.kubernetes.io/backend-protocol"),
    ),
    (
        "a proxy that lets no file through",
        "pages",
        lambda r: annotations(r).pop("nginx.ingress.kubernetes.io/proxy-body-size"),
    ),
    ("a portal that takes its proxy for everybody", "pages", lambda r: pages_map(r).update(AR_HTTP_PROXIES="0")),
    (
        "pages that say they are in plain text",
        "services",
        lambda r: r.one("Service", "receivables-portal")["spec"]["ports"][1].update(appProtocol="http"),
    ),
    ("pages that say TLS and have none", "services", lambda r: pages_map(r).update(AR_HTTP_TLS="off")),
    ("pages at another port", "ports", lambda r: pages_map(r).update(AR_HTTP_PORT="8080")),
    (
        "pages whose certificate is nowhere",
        "certificates",
        lambda r: pages_map(r).update(AR_HTTP_TLS_DIR="/etc/receivables/http"),
    ),
    ("pages that everybody in the cluster reaches", "network", lambda r: browsers(r).pop("from")),
    ("pages that nobody reaches", "network", lambda r: policy(r, "receivables-portal")["ingress"].remove(browsers(r))),
    (
        "a portal that reaches the broker",
        "network",
        lambda r: policy(r, "receivables-portal")["egress"].append(policy(r)["egress"][2]),
    ),
    (
        "a portal without its secret",
        "secrets",
        lambda r: deployment(r, "receivables-portal")["volumes"][0]["projected"]["sources"].pop(2),
    ),
    (
        "a user for whom the broker has nothing",
        "access",
        lambda r: r.objects.append(
            copy.deepcopy(r.one("KafkaUser", "receivables-credit"))
            | {"metadata": r.one("KafkaUser", "receivables-credit")["metadata"] | {"name": "receivables-portal"}}
        ),
    ),
    ("a scaler by load of one replica", "scaling", lambda r: scaler(r).update(minReplicas=1)),
    ("a scaler by load that lets go at once", "scaling", lambda r: scaler(r).pop("behavior")),
    ("a scaler by memory", "scaling", lambda r: scaler(r)["metrics"][0]["resource"].update(name="memory")),
    (
        "a scaler by load of who has a lag",
        "scaling",
        lambda r: scaler(r)["scaleTargetRef"].update(name="receivables-credit"),
    ),
    (
        "more replicas by load than the database has connections for",
        "databases",
        lambda r: scaler(r).update(maxReplicas=40),
    ),
    ("a label less", "labels", lambda r: r.objects[0]["metadata"]["labels"].pop("app.kubernetes.io/version")),
]


@pytest.mark.parametrize("name", render.overlays())
def test_every_overlay_is_sound(overlay, name):
    assert judge(overlay(name)) == []


@pytest.mark.parametrize(("rule", "break_it"), [pytest.param(*case[1:], id=case[0]) for case in BROKEN])
def test_what_is_broken_on_purpose_is_caught_by_the_rule_that_is_meant(overlay, rule, break_it):
    rendering = overlay("prod")

    break_it(rendering)

    assert list(RULES[rule](rendering))


def test_every_rule_has_seen_something_broken():
    assert {rule for _, rule, _ in BROKEN} == RULES.keys()


ROLE = Role(
    memory_mib=Figure(p50=90, p95=100, max=120),
    pss_mib=Figure(p50=60, p95=70, max=80),
    slope_mib_per_h=0,
    cpu_cores=Figure(p50=0.05, p95=0.091, max=0.3),
    events=1,
    calls=1,
)


@pytest.mark.parametrize(
    ("cpu", "memory", "limit", "complains"),
    [
        ("100m", "100Mi", "180Mi", ""),
        ("100m", "250Mi", "250Mi", ""),
        ("100m", "99Mi", "180Mi", "100 MiB were measured"),
        ("100m", "251Mi", "251Mi", "above 2.5 times"),
        ("100m", "100Mi", "179Mi", "below 1.5 times"),
        ("99m", "100Mi", "180Mi", "0.10 cores were measured"),
    ],
)
def test_what_a_service_asks_for_follows_from_what_was_measured(overlay, monkeypatch, cpu, memory, limit, complains):
    rendering = overlay("prod")
    soak = replace(measured.read(), roles=dict.fromkeys(measured.read().roles, ROLE))
    monkeypatch.setattr(measured, "read", lambda: soak)
    monkeypatch.setattr(measured, "TRIED", dict.fromkeys(measured.TRIED, ROLE))
    for pod in rendering.deployments:
        asked = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}
        pod.spec["containers"][0]["resources"] = asked

    complaints = list(RULES["resources"](rendering))

    assert len(complaints) == (len(rendering.deployments) if complains else 0)
    assert all(complains in each.says for each in complaints)


def test_what_was_measured_is_read_as_it_was_written(tmp_path):
    measured.write(measured.read(), tmp_path / "measured.json")

    assert measured.read(tmp_path / "measured.json") == measured.read()
    assert (tmp_path / "measured.json").read_text() == measured.FILE.read_text()


@pytest.mark.parametrize("name", render.overlays())
def test_rendered_twice_the_bytes_are_the_same(name):
    assert render.kustomize(name) == render.kustomize(name)


def test_the_chart_renders_the_same_bytes_twice():
    assert render.helm() == render.helm()


@pytest.mark.parametrize("name", render.SAME)
def test_the_chart_renders_the_same_objects_as_the_overlay(name):
    assert render.compare(name, *render.SAME[name]) == []


def chart(overlay, *arguments: str, namespace: str = "billing") -> Rendering:
    """The chart in a namespace, which helm wants to be there before."""
    rendering = render.read("helm", render.helm(*arguments, namespace=namespace))
    there = overlay("prod").one("Namespace", "receivables")
    there["metadata"]["name"] = namespace
    rendering.objects.append(there)
    return rendering


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="everything"),
        pytest.param(["--set", "certManager.enabled=false"], id="no cert-manager"),
        pytest.param(["--set", "keda.enabled=false"], id="no KEDA"),
        pytest.param(["--set", "monitoring.enabled=false"], id="no Prometheus operator"),
        pytest.param(["--set", "networkPolicies.enabled=false"], id="no network policies"),
        pytest.param(
            ["--set", "strimzi.enabled=false,settings.AR_KAFKA_BOOTSTRAP_SERVERS=a.example:9092\\,b.example:9093"],
            id="another broker, at two ports",
        ),
        pytest.param(["--set", "cnpg.enabled=false,database.host=db.example"], id="another database, our passwords"),
        pytest.param(
            ["--set", "services.notifications.existingSmtpSecret=,services.notifications.settings.AR_SMTP_USER="],
            id="mail without a login",
        ),
        pytest.param(render.SAME["prod-own-servers"], id="no operator at all"),
        pytest.param(["--set", "ingress.enabled=false"], id="no ingress"),
        pytest.param(["--set", "services.portal.settings.AR_HTTP_TLS=off"], id="pages in plain text behind the proxy"),
        pytest.param(["--set", "ingress.hosts={a.example,b.example}"], id="two sellers"),
    ],
)
def test_the_chart_is_sound_in_any_namespace_with_any_of_its_parts(overlay, arguments):
    assert judge(chart(overlay, *arguments)) == []


def test_a_broker_of_ones_own_on_another_port_is_not_cut_off(overlay):
    rendering = overlay("prod-own-servers")

    shared_map(rendering).update(AR_KAFKA_BOOTSTRAP_SERVERS="kafka.receivables.example:9094")

    assert list(RULES["network"](rendering))


def test_a_platforms_own_secrets_are_found_whatever_their_names_and_keys(overlay):
    mine = "secretKeys.database=uri,database.existingCaSecret=company-ca,services.credit.existingSecret=credit-app"
    rendering = chart(overlay, *render.SAME["prod-own-servers"], "--set", mine)

    for item in (
        rendering.one("Deployment", "receivables-credit"),
        rendering.one("Job", "receivables-credit-migrate"),
    ):
        pod = item["spec"]["template"]["spec"]
        assert pod["volumes"][0]["projected"]["sources"][0]["secret"] == {
            "name": "credit-app",
            "items": [{"key": "uri", "path": "database_url"}],
        }
        [ca] = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "database-ca"]
        assert ca["secretName"] == "company-ca"
        assert {"mountPath": "/run/secrets/receivables-db", "name": "database-ca", "readOnly": True} in pod[
            "containers"
        ][0]["volumeMounts"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--set", "strimzi.enabled=false"], "AR_KAFKA_BOOTSTRAP_SERVERS"),
        (["--set", "cnpg.enabled=false"], "database.host"),
        (["--kube-version", "1.33.9"], "kubeVersion"),
    ],
)
def test_the_chart_says_what_it_lacks(arguments, named):
    with pytest.raises(tools.ToolFailedError, match=named):
        render.helm(*arguments)


def test_whoever_installs_the_chart_is_told_what_to_do_next():
    said = tools.run(
        *("helm", "install", "receivables", str(render.CHART), "--namespace", "billing", "--dry-run=client"),
        *render.SAME["prod-own-servers"],
    ).partition("NOTES:")[2]

    assert "kubectl -n billing wait --for=condition=complete" in said
    assert "receivables-ledger-owner (owner_database_url)" in said
    assert "receivables-notifications-identity (identity_key)" in said
    assert "receivables-portal-secret (portal_secret)" in said
    assert "kafka-receivables-portal" not in said
    assert "receivables portal host portal.receivables.example" in said
    assert "receivables-ledger-tls" in said
    assert "kafka-receivables-ledger" in said
    assert "dns:///receivables-<service>.billing:50443" in said


def test_each_service_has_a_certificate_for_the_name_that_its_callers_use(overlay):
    rendering = overlay("prod")
    services = [i["metadata"]["name"] for i in rendering.of("Service") if i["spec"].get("clusterIP") == "None"]

    assert len(services) == 6
    for name in services:
        spec = rendering.one("Certificate", name)["spec"]
        assert f"{name}.receivables" in spec["dnsNames"]
        assert spec["privateKey"] == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}
    rendering.one("Certificate", "receivables-credit")["spec"]["privateKey"]["algorithm"] = "DSA"
    assert list(RULES["schema"](rendering))


def test_at_an_upgrade_the_migrations_run_before_anything_changes_and_at_an_install_beside_the_rest():
    at_upgrade = render.read("helm", render.helm("--is-upgrade")).of("Job")
    at_install = render.read("helm", render.helm()).of("Job")

    assert {job["metadata"]["annotations"]["helm.sh/hook"] for job in at_upgrade} == {"pre-upgrade"}
    assert not any("helm.sh/hook" in job["metadata"]["annotations"] for job in at_install)
    # One that is left would stand in the way of a rollback to the first revision.
    assert {job["metadata"]["annotations"]["helm.sh/hook-delete-policy"] for job in at_upgrade} == {
        "before-hook-creation,hook-succeeded"
    }
    # A hook runs before the new maps are there.
    assert not any("envFrom" in job["spec"]["template"]["spec"]["containers"][0] for job in at_upgrade)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of values.yaml that is not itself a map, with its path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def another(path: tuple[str, ...], value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        of_objects = {
            "tolerations": {"key": "spot", "operator": "Exists"},
            "peers": {"ipBlock": {"cidr": "10.0.0.0/8"}},
        }
        return [of_objects.get(path[-1], "pull")]
    if value == {}:
        return {"AR_LOG_LEVEL": "DEBUG"}
    return f"{value}x"


@pytest.mark.parametrize("share", [8, pytest.param(1, marks=pytest.mark.prove)])
def test_every_value_of_the_chart_changes_what_it_renders(tmp_path, share):
    """In a run of all tests every eighth of them."""
    values = yaml.safe_load((render.CHART / "values.yaml").read_text())
    # What the chart asks for when one of its servers is switched off.
    own = tmp_path / "own.json"
    own.write_text('{"settings": {"AR_KAFKA_BOOTSTRAP_SERVERS": "k.example:9092"}, "database": {"host": "d.example"}}')
    usual = render.helm("--values", str(own))

    def changes(leaf):
        path, value = leaf
        changed = another(path, value)
        for key in reversed(path):
            changed = {key: changed}
        file = tmp_path / f"{'.'.join(path)}.json"
        file.write_text(json.dumps(changed))
        return render.helm("--skip-schema-validation", "--values", str(own), "--values", str(file)) != usual

    every = list(leaves(values))
    some = every[::share]
    with ThreadPoolExecutor(2) as pool:
        silent = [".".join(path) for (path, _), did in zip(some, pool.map(changes, some), strict=True) if not did]

    assert len(every) > 90
    assert silent == []


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("services.credit.replica=3", "replica"),
        ("settings.AR_GRPC_PORT=50052", "AR_GRPC_PORT"),
        ("settings.AR_LOG_LEVEL=LOUD", "AR_LOG_LEVEL"),
        ("services.ledger.settings.AR_SMTP_HOST=mail", "AR_SMTP_HOST"),
        ("image.digest=sha256:abc", "digest"),
        ("services.credit.resources.limits.cpu=1", "cpu"),
        ("services.credit.settings.AR_DATABASE_URL=postgresql://x", "AR_DATABASE_URL"),
        ("services.credit.settings.AR_KAFKA_BOOTSTRAP_SERVERS=other:9092", "AR_KAFKA_BOOTSTRAP_SERVERS"),
        ("settings.AR_METRICS_PORT=9465", "AR_METRICS_PORT"),
        ("services.portal.settings.AR_HTTP_PORT=8080", "AR_HTTP_PORT"),
        ("services.portal.existingKafkaSecret=x", "existingKafkaSecret"),
        ("cnpg.backupSchedule=0 2 * * *", "backupSchedule"),
        ("settings.AR_CLOCK=test", "AR_CLOCK"),
        (r"podLabels.app\.kubernetes\.io/component=x", "podLabels"),
    ],
)
def test_the_chart_refuses_a_value_that_it_would_not_render(argument, named):
    with pytest.raises(tools.ToolFailedError, match=named):
        render.helm("--set", argument)


def test_the_charts_schema_and_the_tables_of_settings_and_figures_are_as_code_and_measurement_are():
    again = "write them anew: .venv/bin/python -m k8s.documents"

    assert documents.SCHEMA.read_text() == documents.values_schema(), again
    assert documents.README.read_text() == documents.readme(documents.README.read_text()), again


def test_a_changed_setting_rolls_the_pods_that_read_it_and_no_others():
    def read_maps(text: str) -> dict[str, Any]:
        return {
            i["metadata"]["name"]: i["spec"]["template"]["spec"]["containers"][0]["envFrom"]
            for i in render.read("helm", text).of("Deployment")
        }

    usual, changed = (
        read_maps(render.helm()),
        read_maps(render.helm("--set", "services.notifications.settings.AR_SMTP_PORT=25")),
    )

    assert {name for name in usual if usual[name] != changed[name]} == {"receivables-notifications"}


def test_no_rendering_and_no_file_names_a_password():
    texts = [render.kustomize(name) for name in render.overlays()] + [render.helm()]
    addresses = {found for text in texts for found in re.findall(r"postgresql://\S+?:(\S+?)@", text)}

    assert all(each.startswith("{{") for each in addresses)
