"""A real Prometheus that evaluates the alerts that are shipped, and what it finds."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.deploy.programs import program
from tests.support.documents import ROOT
from tests.support.server_process import ServerProcess, started
from tests.support.tracking import answering, free_port
from tests.support.waiting import wait_until

SECONDS: Final = 240.0
_CONFIGURATION: Final = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [alerts.yaml]
scrape_configs:
  - job_name: podium
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
"""
_SCRAPES: Final = 3


@dataclass
class Prometheus:
    """It asks each target once a second, and evaluates as often."""

    url: str
    folder: Path
    targets: list[str] = field(default_factory=list)

    def watch(self, url: str) -> str:
        """Asks that service from now on; returns its `instance` once it was seen three times."""
        instance = url.removeprefix("http://")
        self.targets.append(instance)
        self._write()
        seen = f'count_over_time(up{{instance="{instance}"}}[1h]) >= {_SCRAPES}'
        wait_until(lambda: self.query(seen), SECONDS, f"{instance} is scraped")
        return instance

    def forget(self, instance: str) -> None:
        """Asks it no more."""
        self.targets.remove(instance)
        self._write()

    def query(self, text: str, **options: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        asked = {"query": text, **options}
        answer = httpx.get(
            f"{self.url}/api/v1/query", params=asked, trust_env=False, timeout=SECONDS
        )
        assert answer.status_code == 200, f"{text}: {answer.text}"
        return list(answer.json()["data"]["result"])

    def firing(self, **labels: str) -> set[str]:
        """Names of the alerts that fire with these labels now."""
        asked = ",".join(f'{name}="{value}"' for name, value in labels.items())
        found = self.query(f'ALERTS{{alertstate="firing",{asked}}}')
        return {str(each["metric"]["alertname"]) for each in found}

    def _write(self) -> None:
        # Replaced whole: it is read at any moment.
        file = self.folder / "targets.json"
        coming = file.with_suffix(".coming")
        coming.write_text(json.dumps([{"targets": self.targets}]))
        coming.replace(file)


def soon(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The same alerts, but that they fire at once, and that a minute's silence is five seconds."""
    groups = [
        group | {"rules": [_soon(rule) for rule in group["rules"]]} for group in rules["groups"]
    ]
    return {"groups": groups}


def _soon(rule: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in rule.items() if name != "for"}
    return kept | {"expr": re.sub(r"_seconds > 60$", "_seconds > 5", rule["expr"])}


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """A running one, without targets yet."""
    port = free_port()
    made = Prometheus(f"http://127.0.0.1:{port}", folder)
    made._write()
    shipped = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())
    (folder / "alerts.yaml").write_text(yaml.safe_dump(soon(shipped)))
    (folder / "prometheus.yml").write_text(_CONFIGURATION)
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with started(ServerProcess("prometheus", command, folder, answering(f"{made.url}/-/ready"))):
        yield made
