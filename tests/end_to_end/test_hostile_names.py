"""Names that break a header, a line, a page or a path, and a registry whose every text does.

In MLflow's place stands somebody who admits any name; artifacts, processes and sockets are real.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import models
from tests.support.http_server import http_server
from tests.support.impostor import HOSTILE, Impostor, said
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

ROW = {"dataframe_records": [{"x": 1.0, HOSTILE: 2.0}]}
SECONDS = 240
NAMES = (
    "a@b",
    "a/../../b",
    "模型 نموذج \u202e",
    '<img src=x onerror=alert(1)>&"\'\\ {a="b"}',
    "%2e%2e%00%0d%0a $(id)`id`?c#d",
    "長" * 250,
)
VERSIONED, PENDING, REFUSED = "versioned", "pending", "refused"
# What ends a line or drives a terminal, in UTF-8: controls, DEL, C1, and Unicode's own line ends.
_RAW = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")


@dataclass(frozen=True, slots=True)
class Hostile:
    """A service that follows all of them."""

    service: RunningService
    client: httpx.Client
    home: Path

    def path(self, name: str, route: str) -> str:
        """That route of the model's champion."""
        return f"/models/{quote(name, safe='')}@champion{route}"

    def serves(self, name: str) -> bool:
        """Whether the model's champion answers."""
        return self.client.get(self.path(name, "/ready")).is_success

    def failed(self, name: str) -> dict[str, Any]:
        """What is said of the model's champion once something has failed."""

        def slot() -> dict[str, Any]:
            found: dict[str, Any] = self.client.get(self.path(name, "")).json()
            return found

        wait_until(lambda: slot()["last_failure"], SECONDS, f"{name} fails")
        return slot()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Every version that can be served is."""
    folder = tmp_path_factory.mktemp("hostile")
    module = models.number_module(folder / "code", 1)
    columns, rows = models.doubles("x", HOSTILE), ROW["dataframe_records"]
    artifact = models.save(folder, "numbered", columns, pd.DataFrame(rows), [module])
    instead = {
        (PENDING, "/model-versions/get"): said(
            {"model_version": {"name": PENDING, "version": "1", "status": HOSTILE}}
        ),
        (REFUSED, "/registered-models/get"): said({"error_code": HOSTILE, "message": HOSTILE}, 500),
    }
    impostor = Impostor(artifact, {VERSIONED: HOSTILE}, instead)
    refs = ",".join(f"models:/{name}@champion" for name in (*NAMES, VERSIONED, PENDING, REFUSED))
    with (
        http_server(impostor) as url,
        running_service([], url, folder, PODIUM_MODELS=refs) as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client,
    ):
        made = Hostile(service, client, folder)
        for name in NAMES:
            serves = partial(made.serves, name)
            wait_until(serves, SECONDS, partial("{} serves; {}".format, name, service.log))
        yield made


@pytest.mark.parametrize("name", NAMES, ids=["at", "slash", "scripts", "markup", "escapes", "long"])
def test_p1_model_of_a_hostile_name_answers_and_names_itself(hostile: Hostile, name: str) -> None:
    """By its path; in the body as it is, in headers percent-encoded, and nowhere else."""
    answer = hostile.client.post(hostile.path(name, "/predict"), json=ROW)
    assert answer.status_code == 200
    model = {"name": name, "alias": "champion", "version": "1"}
    assert answer.json() == {"predictions": [1], "model": model}
    assert unquote(answer.headers["podium-model"]) == name
    assert (answer.headers["podium-alias"], answer.headers["podium-version"]) == ("champion", "1")
    assert "podium-evil" not in answer.headers
    assert all(value.isascii() and value.isprintable() for value in answer.headers.values())
    assert hostile.client.get(hostile.path(name, "")).json()["name"] == name


def test_hostile_names_stand_in_every_page_as_text(hostile: Hostile) -> None:
    """Listed as they are in JSON, and in no page of HTML at all."""
    listed = [slot["name"] for slot in hostile.client.get("/models").json()["models"]]
    assert listed[: len(NAMES)] == list(NAMES)
    page = hostile.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not [name for name in NAMES if name in page.text or quote(name, safe="@") in page.text]
    paths = hostile.client.get("/openapi.json").json()["paths"]
    for name in NAMES:
        operation = paths[f"/models/{quote(f'{name}@champion', safe='@')}/predict"]["post"]
        assert operation["tags"] == [f"{name}@champion"]


def test_hostile_column_is_named_to_clients_as_text(hostile: Hostile) -> None:
    """In the signature and in the error that asks for it; in no header."""
    name, row = NAMES[0], {"dataframe_records": [{"x": 1.0}]}
    signature = hostile.client.get(hostile.path(name, "")).json()["signature"]
    assert [column["name"] for column in signature["inputs"]] == ["x", HOSTILE]
    answer = hostile.client.post(hostile.path(name, "/predict"), json=row)
    assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, HOSTILE)
    assert "podium-evil" not in answer.headers
    assert hostile.client.get("/openapi.json").is_success


def test_hostile_names_are_labels_that_a_scraper_reads_back(hostile: Hostile) -> None:
    """Escaped as Prometheus's text format has it; each in its own series."""
    text = hostile.client.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    found = {
        (sample.labels["model"], sample.labels["alias"], sample.labels["version"])
        for sample in families["podium_slot_info"].samples
    }
    assert found == {(name, "champion", "1") for name in NAMES}


def test_registry_whose_texts_are_hostile_is_told_by_codes_alone(hostile: Hostile) -> None:
    """A version, a status or an error that no MLflow has never reaches a client."""
    told = {name: hostile.failed(name) for name in (VERSIONED, PENDING, REFUSED)}
    assert {name: slot["last_failure"]["code"] for name, slot in told.items()} == {
        VERSIONED: "registry_nonsense",
        PENDING: "version_not_ready",
        REFUSED: "registry_refused",
    }
    for slot in told.values():
        assert (slot["version"], slot["ready"]) == (None, False)
        assert not {"script", "Podium-Evil"} & set(re.findall(r"[\w-]+", json.dumps(slot)))


def test_every_line_of_the_log_is_one_event_whatever_it_names(hostile: Hostile) -> None:
    """JSON, with nothing raw in it that ends a line or drives a terminal; so is the ledger's."""
    for name in NAMES:
        hostile.client.post(hostile.path(name, "/predict"), json=ROW)
    wait_until(
        lambda: (
            {line["slot"] for line in hostile.service.events("request")}
            >= {f"{name}@champion" for name in NAMES}
        ),
        SECONDS,
        "every request is logged",
    )
    assert hostile.service.events("text") == []
    assert [line for line in hostile.service.lines if _RAW.search(line)] == []
    (ledger,) = (hostile.home / "podium/services").glob("*/ledger.jsonl")
    kept = ledger.read_bytes().splitlines(keepends=True)
    assert {json.loads(line)["ref"]["name"] for line in kept} >= set(NAMES)
    assert [line for line in kept if _RAW.search(line)] == []


def test_hostile_names_are_no_part_of_any_path_on_disk(hostile: Hostile) -> None:
    """Digests are; what the service keeps stays below its home."""
    below = {path.name for path in (hostile.home / "podium/cache").iterdir()}
    places = {name for name in below if len(name) == 64}
    assert len(places) == len(NAMES)
    assert all(re.fullmatch(r"[0-9a-f.]*(lock)?", name) for name in below), below
