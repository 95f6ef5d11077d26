"""docs/pipelines/gitlab-ci.yml, run from MLflow's webhook to rollback; `make pipeline-line`.

    python -m tests.pipelines.line --output docs/pipelines.txt

A real MLflow, the relay of the documents as a process, two real services, and GitLab's API as far
as the relay needs it. The first version goes through unbroken. Of the second the runner is killed
once in each job, when MLflow, or the service, has done what it was asked, and the job has not heard
of it; then the job is tried again, in a fresh checkout. At the end everything is there once.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import queue
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from mlflow import MlflowClient

from service.config.addresses import MlflowAddresses
from service.exits import DONE
from service.origin import Origin
from service.promotion.journal import Journal
from service.promotion.mover import Mover
from service.refs import ModelRef
from service.registry.writer.writer import Writer
from tests.end_to_end.test_webhook import SERVER
from tests.pipelines.gitlab import GitlabPipeline, JobEnded, jobs_of, runner
from tests.support.documents import ROOT
from tests.support.http_server import Between, Hold, Request, Response, http_server
from tests.support.server_process import guard
from tests.support.services import RunningService, running_service
from tests.support.tracking import free_port, migrate, mlflow_server
from tests.support.waiting import wait_until

USE_CASE: Final = "security.iris"
DEV, STAGING, PRODUCTION = (f"{each}.{USE_CASE}" for each in ("dev", "staging", "prod"))
SECRET: Final = "what-mlflow-and-the-relay-share"
TOKEN: Final = "the-pipeline-trigger-token"
POLICY: Final = """
data: of-run
metrics:
  accuracy_score: {threshold: 0.8}
load: {seconds: 0.5, rounds: 2, rows: 10}
"""
_SECONDS: Final = 1500.0
_Fits = Callable[[Request, Response], bool]


def _written(path: str, holds: str = "") -> _Fits:
    """Whether a request has changed something there; `holds` is in its body."""

    def fits(request: Request, response: Response) -> bool:
        # What MLflow has not done is a reply as any other.
        right = request.method != "GET" and path in request.path and response.status < 400
        return right and holds.encode() in request.body

    return fits


@dataclass(frozen=True, slots=True)
class Death:
    """When the runner of a job is killed: who has answered what, and in words."""

    by: str
    fits: _Fits
    when: str


DEATHS: Final[Mapping[str, Death]] = {
    "validate-dev": Death("mlflow", _written("/runs/create"), "the run of the validation is made"),
    "copy-to-staging": Death(
        "mlflow", _written("/model-versions/create"), "the copy is registered"
    ),
    "validate-staging": Death(
        "mlflow", _written("/runs/update", "FINISHED"), "the run is complete, the verdict not told"
    ),
    "promote-staging": Death("mlflow", _written("/registered-models/alias"), "the alias has moved"),
    "copy-to-production": Death(
        "mlflow", _written("/mlflow-artifacts/artifacts/"), "one file of the copy is uploaded"
    ),
    "prepare-production": Death(
        "production", _written("/prepare", '"dry_run":false'), "production has begun to prepare it"
    ),
    "promote-production": Death(
        "mlflow", _written("/runs/log-parameter", '\\"to\\"'), "the intent is in the journal"
    ),
    "rollback-production": Death(
        "mlflow", _written("/registered-models/alias"), "the alias has moved back"
    ),
}


@dataclass
class Line:
    """Everything that the pipelines meet.

    Attributes:
        client: MLflow's, asked directly.
        started: what GitLab was asked to start, in order.
    """

    client: MlflowClient
    between: Mapping[str, Between]
    services: Mapping[str, RunningService]
    started: "queue.Queue[Mapping[str, str]]"
    folder: Path
    project: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 100)))

    def train(self, regularization: float) -> None:
        """A new version, of which MLflow tells its webhooks."""
        command = ["podium", "train", "--name", DEV, "--C", str(regularization)]
        done = subprocess.run(
            [sys.executable, "-m", "service", *command[1:]],
            env=os.environ | {"MLFLOW_TRACKING_URI": self.client.tracking_uri},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def pipeline(self, **said: str) -> GitlabPipeline:
        """The one that the webhook starts."""
        found = self.started.get(timeout=_SECONDS)
        policy = self.folder / "validation.yaml"
        return GitlabPipeline(
            next(self.numbers), self.folder, [policy], {**found, **said}, self.project
        )

    @contextlib.contextmanager
    def dying(self, death: Death) -> Iterator[Hold]:
        """While it lasts, the reply at which the runner is to die is kept from it."""
        with self.between[death.by].holding(death.fits) as hold:
            yield hold


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each try of each job, and what is there at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    lines = [f"{dt.datetime.now(dt.UTC):%Y-%m-%d} make pipeline-line"]
    lines.append(
        f"each try of a job {'in a table of processes of its own' if runner() else 'beside others'}"
    )
    with tempfile.TemporaryDirectory(prefix="line-") as folder, line(Path(folder)) as there:
        for said in chain(unbroken(there), broken(there), by_cron(there), held_to(there)):
            _say(said)
            lines.append(said)
    if given.output is not None:
        given.output.write_text("\n".join(lines) + "\n")
    return 0


def unbroken(there: Line) -> Iterator[str]:
    """The first version, as the documents have it; its alias is made."""
    there.train(1.0)
    pipeline = there.pipeline(FIRST="yes")
    yield f"webhook: GitLab is asked to start a pipeline for {_meant(pipeline)}"
    for name in jobs_of():
        if name != "rollback-production":
            ended = pipeline.finish(name)
            _expect(ended, DONE)
            yield _told(name, ended)
    assert serves(there, "production") == serves(there, "staging") == "1"
    yield "both services serve version 1"


def broken(there: Line) -> Iterator[str]:
    """The second, and back: each runner dies once."""
    there.train(0.1)
    pipeline = there.pipeline()
    yield f"webhook: GitLab is asked to start a pipeline for {_meant(pipeline)}"
    for name in jobs_of():
        yield from _killed_and_retried(there, pipeline, name)
        if name == "promote-production":
            assert serves(there, "production") == "2"
            yield "production serves version 2"
    assert (serves(there, "staging"), serves(there, "production")) == ("2", "1")
    yield "staging serves version 2, production version 1 again"


def _killed_and_retried(there: Line, pipeline: GitlabPipeline, name: str) -> Iterator[str]:
    death = DEATHS[name]
    with there.dying(death) as hold:
        killed = pipeline.run(name, hold.wait)
    assert killed.status < 0, f"{name} has ended by itself: {killed.output}"
    assert not killed.handed_on, "a job that was killed hands nothing on"
    yield f"{name}: killed when {death.when}"
    ended = pipeline.finish(name)
    _expect(ended, DONE)
    yield f"{_told(name, ended)}, tried again"


def by_cron(there: Line) -> Iterator[str]:
    """What staging serves, promoted as cron would; and once more."""
    recipe = ROOT / "docs/pipelines/promote-what-passed"
    command = [str(recipe), STAGING, PRODUCTION, there.project["PRODUCTION_URL"]]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    home = {"PODIUM_HOME": str(there.folder / "cron"), "PATH": path}
    for said in ("promoted", "found it promoted"):
        before = len(journal(there, PRODUCTION).entries)
        done = subprocess.run(
            ["flock", "--nonblock", str(there.folder / "lock"), *command],
            env=os.environ | there.project | home,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == DONE, done.stdout + done.stderr
        added = len(journal(there, PRODUCTION).entries) - before
        assert added == (said == "promoted"), done.stdout
        yield f"cron: {said}: {done.stdout.splitlines()[-1]}"
    assert serves(there, "production") == "2"


def held_to(there: Line) -> Iterator[str]:
    """What has to be there once is."""
    for name in (DEV, STAGING, PRODUCTION):
        found = versions(there, name)
        assert found == ["1", "2"], f"{name} has {found}"
    yield "versions: 2 in dev, 2 in staging, 2 in production: one copy of each, no second one"
    for name in (STAGING, PRODUCTION):
        files = logged_models(there, name)
        assert files == ["READY", "READY"], f"copies of {name}: {files}"
    yield "files: 2 copies in each experiment, none that is half done"
    for name in (DEV, STAGING):
        runs = validations(there, name)
        # One that is undecided, as on a busy machine, is tried again, too.
        assert runs.count("FINISHED") >= (2 if name == DEV else 3), f"{name}: {runs}"
        assert runs.count("KILLED") == (name == DEV), f"{name}: {runs}"
        assert "RUNNING" not in runs, f"{name}: {runs}"
        for number in ("1", "2"):
            tags = there.client.get_model_version(name, number).tags
            assert tags["validation_status"] == "passed", tags
    yield "validations: all passed; the run of the killed one is KILLED, none is left as RUNNING"
    moves = {name: moves_of(there, name) for name in (STAGING, PRODUCTION)}
    promoted = [("promote", None, "1"), ("promote", "1", "2")]
    assert moves[STAGING] == promoted, moves
    assert moves[PRODUCTION] == [*promoted, ("rollback", "2", "1"), ("promote", "1", "2")], moves
    assert not there.started.qsize(), "a copy has started a pipeline"
    yield "journal: each move once, each with its end; no copy has started a pipeline"


def versions(there: Line, name: str) -> list[str]:
    """The numbers of its versions."""
    found = there.client.search_model_versions(f"name='{name}'")
    return sorted(str(each.version) for each in found)


def logged_models(there: Line, name: str) -> list[str]:
    """The states of the logged models that its copies are."""
    experiment = there.client.get_experiment_by_name(f"podium/copies/{name}")
    assert experiment is not None
    found = there.client.search_logged_models([experiment.experiment_id])
    return [str(each.status) for each in found]


def validations(there: Line, name: str) -> list[str]:
    """The states of the runs that have judged its versions."""
    experiments = [each.experiment_id for each in there.client.search_experiments()]
    found = there.client.search_runs(experiments, f"tags.`podium.validation.of` LIKE '{name}/%'")
    return [str(each.info.status) for each in found]


def journal(there: Line, name: str) -> Journal:
    """Of its champion."""
    addresses = MlflowAddresses(there.client.tracking_uri, there.client.tracking_uri)
    ref = ModelRef(name, "champion")
    return Mover(Writer(addresses), ref, Origin("", "", ""), 600.0).look().journal


def moves_of(there: Line, name: str) -> list[tuple[str, str | None, str | None]]:
    """Every entry of its journal; each has come to its end."""
    found = journal(there, name)
    assert all(each.done is not None for each in found.entries), found
    return [(each.entry.kind, each.entry.before, each.entry.to) for each in found.entries]


def serves(there: Line, where: str) -> str | None:
    """The version that answers there."""
    name = {"staging": STAGING, "production": PRODUCTION}[where]
    found: str | None = there.services[where].slot(f"{name}@champion")["version"]
    return found


def _meant(pipeline: GitlabPipeline) -> str:
    return f"{pipeline.said['MODEL_NAME']} {pipeline.said['MODEL_VERSION']}"


def _told(name: str, ended: JobEnded) -> str:
    found = ended.handed_on
    keys = ("PODIUM_CODE", "PODIUM_NAME", "PODIUM_VERSION")
    code, model, version = (found[each] for each in keys)
    return f"{name}: exit {ended.status}, {code}: {model} {version}"


def _expect(ended: JobEnded, status: int) -> None:
    assert ended.status == status, f"{ended.status}: {ended.output}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


@contextlib.contextmanager
def line(folder: Path) -> Iterator[Line]:
    """All of it, while it lasts."""
    (folder / "validation.yaml").write_text(POLICY)
    started: queue.Queue[Mapping[str, str]] = queue.Queue()
    with contextlib.ExitStack() as stack:
        os.environ |= {**SERVER, "MLFLOW_DISABLE_TELEMETRY": "true"}
        server = stack.enter_context(mlflow_server(migrate(folder), folder))
        gitlab = stack.enter_context(http_server(_gitlab(started)))
        relay = stack.enter_context(_relay(folder, f"{gitlab}/api/v4/projects/1/trigger/pipeline"))
        _webhook(server.url, relay)
        services = {
            name: stack.enter_context(_service(model, server.url, folder / name, **extra))
            for name, model, extra in (
                ("staging", STAGING, {}),
                ("production", PRODUCTION, {"PODIUM_VALIDATED_AS": "staging."}),
            )
        }
        upstream = {"mlflow": server.url, **{name: each.url for name, each in services.items()}}
        between = {name: Between(url) for name, url in upstream.items()}
        for each in between.values():
            stack.callback(each.close)
        urls = {name: stack.enter_context(http_server(each)) for name, each in between.items()}
        project = {
            "MLFLOW_TRACKING_URI": urls["mlflow"],
            "PODIUM_ADMIN_TOKEN": "admin",
            "STAGING_URL": urls["staging"],
            "PRODUCTION_URL": urls["production"],
        }
        client = MlflowClient(server.url)
        yield Line(client, between, services, started, folder, project)


@contextlib.contextmanager
def _service(model: str, mlflow: str, home: Path, **extra: str) -> Iterator[RunningService]:
    home.mkdir()
    required = {"PODIUM_ADMIN_TOKEN": "admin", "PODIUM_REQUIRE_VALIDATION": "true", **extra}
    with running_service([f"{model}@champion"], mlflow, home, **required) as service:
        yield service


def _gitlab(started: "queue.Queue[Mapping[str, str]]") -> Callable[[Request], Response]:
    """Its API for triggers: a token, a branch, and variables."""

    def answer(request: Request) -> Response:
        from urllib.parse import parse_qs

        form = {name: each[0] for name, each in parse_qs(request.body.decode()).items()}
        if (request.method, form.get("token"), form.get("ref")) != ("POST", TOKEN, "main"):
            return Response(b'{"message":"404 Not Found"}', 404)
        variables = {
            name.removeprefix("variables[").removesuffix("]"): text
            for name, text in form.items()
            if name.startswith("variables[")
        }
        started.put(variables)
        return Response(json.dumps({"id": 1}).encode(), 201)

    return answer


@contextlib.contextmanager
def _relay(folder: Path, gitlab: str) -> Iterator[str]:
    """`docs/pipelines/relay.py`; its address."""
    port = free_port()
    log = folder / "relay.log"
    command = [sys.executable, str(ROOT / "docs/pipelines/relay.py"), "gitlab", gitlab]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=os.environ | {"RELAY_SECRET": SECRET, "RELAY_TOKEN": TOKEN},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    watch = guard(process.pid)
    try:
        wait_until(lambda: b"listening" in log.read_bytes(), _SECONDS, "the relay listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        watch.communicate()
        process.wait(_SECONDS)


def _webhook(mlflow: str, relay: str) -> None:
    """As the page on pipelines has it."""
    MlflowClient(mlflow).create_webhook(
        name="pipelines", url=relay, events=["model_version.created"], secret=SECRET
    )


if __name__ == "__main__":
    sys.exit(main())
