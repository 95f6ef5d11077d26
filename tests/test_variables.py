"""Which `PODIUM_*` variables are settings: not Kubernetes's, and not misspelt ones."""

import pytest

from service.config.settings import (
    LocalSettings,
    load_as,
    load_settings,
    unknown_settings,
    variable,
)
from service.config.variables import is_service_link

ADDRESS = "tcp://10.96.12.7:8000"
# What kubelet sets for Services of these names, the second with a named port (`http`).
LINKS = {
    "PODIUM_SERVICE_HOST": "10.96.12.7",
    "PODIUM_SERVICE_PORT": "8000",
    "PODIUM_PORT": ADDRESS,
    "PODIUM_PORT_8000_TCP": ADDRESS,
    "PODIUM_PORT_8000_TCP_PROTO": "tcp",
    "PODIUM_PORT_8000_TCP_PORT": "8000",
    "PODIUM_PORT_8000_TCP_ADDR": "10.96.12.7",
    "PODIUM_TRACKING_SERVICE_HOST": "10.96.12.8",
    "PODIUM_TRACKING_SERVICE_PORT": "8080",
    "PODIUM_TRACKING_SERVICE_PORT_HTTP": "8080",
    "PODIUM_TRACKING_PORT": "udp://10.96.12.8:8080",
    "PODIUM_TRACKING_PORT_8080_UDP": "udp://10.96.12.8:8080",
    "PODIUM_TRACKING_PORT_8080_UDP_PROTO": "udp",
    "PODIUM_TRACKING_PORT_8080_UDP_PORT": "8080",
    "PODIUM_TRACKING_PORT_8080_UDP_ADDR": "10.96.12.8",
}


@pytest.mark.parametrize("name", LINKS)
def test_o1_what_kubernetes_sets_for_a_service_is_not_a_setting(name: str) -> None:
    """Whatever the Service's name ends with."""
    assert is_service_link(name, LINKS[name])


def test_o1_services_called_podium_change_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of their variables at once, for the service and for `podium up`."""
    usual = load_as(LocalSettings, {})
    for name, value in LINKS.items():
        monkeypatch.setenv(name, value)
    assert load_as(LocalSettings, {}) == usual
    assert (load_settings({}).port, load_as(LocalSettings, {}).tracking_port) == (8000, 8080)
    assert unknown_settings(LINKS) == []


@pytest.mark.parametrize(("name", "value"), [("PODIUM_PORT", "8001"), ("PODIUM_HOST", "::1")])
def test_o1_what_an_operator_sets_is_a_setting(name: str, value: str) -> None:
    """Also the names that Kubernetes would use."""
    assert not is_service_link(name, value)


def test_o1_service_does_not_read_the_port_of_ups_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is, it starts."""
    usual = load_settings({})
    monkeypatch.setenv("PODIUM_TRACKING_PORT", "nonsense")
    assert load_settings({}) == usual


def test_o15_misspelt_variable_is_named_with_the_nearest() -> None:
    """Without what it holds."""
    (unknown,) = unknown_settings({"PODIUM_POL_SECONDS": "hunter2", "PODIUM_POLL_SECONDS": "5"})
    assert str(unknown) == (
        "'PODIUM_POL_SECONDS' is not a setting, and is ignored; did you mean PODIUM_POLL_SECONDS?"
    )


def test_o15_variable_like_no_setting_is_named_alone() -> None:
    """A guess would mislead."""
    (unknown,) = unknown_settings({"PODIUM_XYZZY": "1"})
    assert str(unknown) == "'PODIUM_XYZZY' is not a setting, and is ignored"


def test_o15_everything_that_is_read_is_known() -> None:
    """Settings in any case, secrets in files, the key of `podium smoke`; nobody else's names."""
    names = {variable(name) for name in LocalSettings.model_fields}
    known = {*names, "podium_port", "PODIUM_ADMIN_TOKEN_FILE", "PODIUM_API_KEY", "PODIUMX", "PATH"}
    assert unknown_settings(dict.fromkeys(known, "x")) == []
