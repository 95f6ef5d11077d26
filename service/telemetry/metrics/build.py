"""What runs: releases of Podium, of Python and of MLflow."""

import platform
from collections.abc import Iterable
from importlib import metadata

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class BuildCollector(Collector):
    """`podium_build_info`, found out once."""

    def __init__(self) -> None:
        self._family = GaugeMetricFamily(
            "podium_build_info",
            "1, with the releases of Podium, of Python and of MLflow.",
            labels=("version", "python_version", "mlflow_version"),
        )
        releases = (_release("podium"), platform.python_version(), _release("mlflow"))
        self._family.add_metric(releases, 1)

    def collect(self) -> Iterable[Metric]:
        """Always the same."""
        return (self._family,)


def _release(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return ""
