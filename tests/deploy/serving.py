"""`python -m tests.deploy.serving FOLDER`: what an operator of compose.yaml does first, by steps.

Raises AssertionError at the step that does not come to what docs/deploy.md says. See
`tests.deploy.composed` for where it runs.
"""

import ssl
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from tests.deploy.composed import SECONDS, Composed, composed, succeeds
from tests.support.waiting import wait_until

PODIUM: Final = "https://localhost:8443"
OPERATORS: Final = "https://localhost:8444"
MLFLOW: Final = "https://localhost:5443"
MODEL: Final = "prod.demo.iris"


def main() -> None:
    """All steps."""
    with composed(Path(sys.argv[1])) as made:
        certificate = str(made.secrets / "certificate.pem")
        trusted = ssl.create_default_context(cafile=certificate)
        with httpx.Client(verify=trusted, trust_env=False, timeout=SECONDS) as client:
            _nothing_is_served_yet(client)
            _operators_have_a_port_of_their_own(client)
            _strangers_are_kept_out(client)
            _a_version_is_trained(made, certificate)
            wait_until(lambda: _ready(client), SECONDS, lambda: client.get(f"{PODIUM}/models").text)
            _podium_may_read_and_no_more(made, client)
        smoke = ["podium", "smoke", "--url", PODIUM]
        environment = made.environment("proxy") | {"SSL_CERT_FILE": certificate}
        assert ", 0 failed" in succeeds(smoke, environment, made.folder)
        wait_until(_prometheus_has_it, SECONDS, "Prometheus scrapes Podium")


def _nothing_is_served_yet(client: httpx.Client) -> None:
    assert client.get(f"{PODIUM}/health/live").status_code == 200
    assert client.get(f"{PODIUM}/health/ready").status_code == 503


def _operators_have_a_port_of_their_own(client: httpx.Client) -> None:
    for path in ("/metrics", "/console/settings"):
        assert client.get(f"{PODIUM}{path}").status_code == 404
        assert client.get(f"{OPERATORS}{path}").status_code == 200
    assert "<html" in client.get(f"{OPERATORS}/").text


def _strangers_are_kept_out(client: httpx.Client) -> None:
    search = "/api/2.0/mlflow/registered-models/search"
    assert client.get(f"{MLFLOW}{search}").status_code == 401
    foreign = {"Host": "mlflow.example", "Authorization": "Basic eDp5"}
    assert client.get(f"{MLFLOW}{search}", headers=foreign).status_code == 403


def _a_version_is_trained(made: Composed, certificate: str) -> None:
    as_trainer = {
        "MLFLOW_TRACKING_URI": MLFLOW,
        "MLFLOW_TRACKING_USERNAME": "trainer",
        "MLFLOW_TRACKING_PASSWORD": made.secret("trainer-password"),
        "MLFLOW_TRACKING_SERVER_CERT_PATH": certificate,
    }
    train = ["podium", "train", "--name", MODEL, "--alias", "champion"]
    succeeds(train, made.environment("proxy") | as_trainer, made.folder)


def _ready(client: httpx.Client) -> bool:
    return client.get(f"{PODIUM}/health/ready").status_code == 200


def _podium_may_read_and_no_more(made: Composed, client: httpx.Client) -> None:
    podium = ("podium", made.secret("podium-password"))
    alias = f"{MLFLOW}/api/2.0/mlflow/registered-models/alias"
    asked = {"name": MODEL, "alias": "champion"}
    assert client.get(alias, params=asked, auth=podium).status_code == 200
    moved = client.post(alias, json=asked | {"version": "1"}, auth=podium)
    assert moved.status_code == 403, moved.text


def _prometheus_has_it() -> bool:
    def found(query: str) -> list[Any]:
        url = "http://prometheus:9090/api/v1/query"
        answer = httpx.get(url, params={"query": query}, trust_env=False, timeout=SECONDS)
        return list(answer.json()["data"]["result"])

    serves = found(f'podium_slot_info{{job="podium",model="{MODEL}",version="1"}}')
    return bool(serves) and not found('ALERTS{alertstate="firing"}')


if __name__ == "__main__":
    main()
