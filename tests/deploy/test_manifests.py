"""The manifests for Kubernetes: as its own schemas have them, and each finds what it points to."""

from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.config.settings import Settings
from tests.deploy.programs import needs_programs, run
from tests.support.documents import ROOT

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = ("base", "cpu", "queue", "monitoring")
# Its schemas come from a registry of the operator's own; what is asked of them stands below.
_OPERATORS = "monitoring.coreos.com/v1"
# The oldest one with all that is used, and the newest that there are schemas of.
RELEASES = ("1.27", kubernetes_validate.latest_version())
Manifest = dict[str, Any]


def files() -> list[Manifest]:
    """Every manifest as it is written, kustomizations and values aside."""
    return [
        found
        for path in sorted(FOLDER.rglob("*.yaml"))
        for found in yaml.safe_load_all(path.read_text())
        if found.get("kind", "Kustomization") != "Kustomization"
    ]


@cache
def built(overlay: str) -> tuple[Manifest, ...]:
    """What `kubectl apply --kustomize` would send."""
    return tuple(yaml.safe_load_all(run("kubectl", "kustomize", str(FOLDER / overlay))))


def only(kind: str, among: list[Manifest] | tuple[Manifest, ...] | None = None) -> Manifest:
    """The one of that kind."""
    (found,) = [each for each in among or files() if each["kind"] == kind]
    return found


def checked(manifests: list[Manifest] | tuple[Manifest, ...], release: str) -> int:
    """How many there are schemas for; fails where one is not as its schema says."""
    own = [each for each in manifests if each["apiVersion"] != _OPERATORS]
    for manifest in own:
        kubernetes_validate.validate(manifest, release, strict=True)
    return len(own)


@pytest.mark.parametrize("release", RELEASES)
def test_every_file_is_as_kubernetes_has_it(release: str) -> None:
    """No key that it would leave out, or refuse."""
    assert checked(files(), release) == 7


@needs_programs
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_built_into_what_kubernetes_takes(overlay: str, release: str) -> None:
    """With what kustomize has added."""
    found = built(overlay)
    assert checked(found, release) == {"base": 6, "cpu": 7, "queue": 7, "monitoring": 0}[overlay]
    assert {each["metadata"].get("namespace", "podium") for each in found} == {"podium"}


def test_key_that_kubernetes_does_not_know_is_found_out() -> None:
    """`replica` for `replicas` would else be left out, silently."""
    wrong = only("Deployment") | {"spec": only("Deployment")["spec"] | {"replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        checked([wrong], RELEASES[0])


@needs_programs
def test_deployment_runs_the_image_that_is_named_and_the_configuration_beside_it() -> None:
    """By a name that changes with what it holds, so that a change of it is rolled out."""
    found = built("base")
    (container,) = only("Deployment", found)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/podium:0.1.0"
    configuration = only("ConfigMap", found)["metadata"]["name"]
    assert container["envFrom"] == [{"configMapRef": {"name": configuration}}]
    assert configuration.startswith("podium-")


def test_pod_has_probes_and_no_more_rights_than_it_needs() -> None:
    """As docs/operate.md says, and as the policy of its namespace demands."""
    pod = only("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness")}
    assert paths == {"startup": "/health/live", "liveness": "/health/live"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    written = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert written == {"/var/lib/podium", "/tmp"}  # noqa: S108 - the Pod's own


def test_stop_is_given_the_time_that_it_takes() -> None:
    """The delay and the drain, before the kubelet kills."""
    delay = float(configuration()["PODIUM_STOP_DELAY_SECONDS"])
    drain = Settings.model_fields["drain_seconds"].default
    pod = only("Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > delay + drain


def test_volume_of_the_home_holds_what_the_settings_let_it_keep() -> None:
    """Beyond its limit the kubelet evicts the Pod."""
    (home,) = (
        each
        for each in only("Deployment")["spec"]["template"]["spec"]["volumes"]
        if each["name"] == "home"
    )
    limit = int(home["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 1024**3
    kept = sum(int(configuration()[name]) for name in ("PODIUM_CACHE_BYTES", "PODIUM_ENV_BYTES"))
    assert kept <= limit * 0.9


def configuration() -> dict[str, str]:
    """What the Pod's variables say."""
    lines = (FOLDER / "base/podium.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_every_variable_of_the_configuration_is_a_setting() -> None:
    """A misspelt one would only be warned of."""
    ours = {name for name in configuration() if name.startswith("PODIUM_")}
    known = {f"PODIUM_{name.upper()}" for name in Settings.model_fields}
    assert ours
    assert ours <= known


def test_everything_that_selects_podium_finds_it() -> None:
    """Service, budget, network policy, autoscalers, monitor: by labels, names and ports."""
    deployment = only("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    service = only("Service")
    assert service["spec"]["selector"] == labels
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert only(kind)["spec"][key]["matchLabels"] == labels
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    scalers = [each for each in files() if each["kind"] == "HorizontalPodAutoscaler"]
    assert [each["spec"]["scaleTargetRef"] for each in scalers] == [named, named]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert {each["targetPort"] for each in service["spec"]["ports"]} == {*ports}
    assert ports["admin"] == int(configuration()["PODIUM_ADMIN_PORT"])
    for rule in only("NetworkPolicy")["spec"]["ingress"]:
        assert {each["port"] for each in rule["ports"]} <= {*ports}


def test_monitor_selects_the_service_by_its_labels_and_scrapes_its_port() -> None:
    """Fields of the operator's, each of which is there."""
    monitor, service = only("ServiceMonitor"), only("Service")
    assert monitor["apiVersion"] == _OPERATORS
    assert {*monitor["spec"]} == {"selector", "endpoints"}
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {*endpoint} == {"port", "path", "interval"}
    assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
    # PODIUM_ADMIN_PORT has them alone.
    assert endpoint["port"] == "admin"
    assert endpoint["path"] == "/metrics"


def test_rule_of_the_operator_is_the_file_of_alerts() -> None:
    """Two files that say the same would else come to differ."""
    rule = only("PrometheusRule")
    assert rule["apiVersion"] == _OPERATORS
    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())


def test_autoscaler_asks_for_the_metric_that_the_adapter_makes() -> None:
    """Under the name that it gives it."""
    (scaler,) = [
        each
        for each in files()
        if each["kind"] == "HorizontalPodAutoscaler"
        and each["spec"]["metrics"][0]["type"] == "Pods"
    ]
    values = yaml.safe_load((FOLDER / "queue/adapter-values.yaml").read_text())
    (rule,) = values["rules"]["custom"]
    assert scaler["spec"]["metrics"][0]["pods"]["metric"]["name"] == rule["name"]["as"]
    assert rule["seriesQuery"].startswith(f"{rule['name']['as']}{{")
