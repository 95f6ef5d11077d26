"""The servers that are compared: how each is started, asked and understood."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from benchmarks.cases import ALIAS, Case, Prepared
from benchmarks.floors import ANSWER
from benchmarks.plan import TITLES

_PROGRAMS: Final = Path(sys.executable).parent


class Peer(Protocol):
    """One server."""

    @property
    def key(self) -> str:
        """Names it in figures."""

    @property
    def title(self) -> str:
        """Names it in tables."""

    def command(self, prepared: Prepared, model: str, port: int) -> list[str]:
        """Starts it for that model on that port of 127.0.0.1; may write into the folder."""

    def environment(self, prepared: Prepared) -> Mapping[str, str]:
        """What it needs beside the environment that all share."""

    def ready_path(self, model: str) -> str:
        """What answers 200 as soon as the model can be asked."""

    def path(self, case: Case) -> str:
        """Where predictions are asked."""

    def bodies(self, case: Case) -> tuple[str, ...]:
        """The case's requests as files, in the format that this server reads."""

    def predictions(self, answer: bytes) -> list[Any]:
        """The predictions in an answer."""

    def expected(self, case: Case) -> tuple[tuple[Any, ...], ...]:
        """What it must answer to each of `bodies`."""


class _MlflowProtocol:
    """What speaks as MLflow's scoring server does, by the programs of one environment."""

    def __init__(self, programs: Path = _PROGRAMS) -> None:
        self._programs = programs

    def environment(self, prepared: Prepared) -> Mapping[str, str]:
        """The store, and the programs of its environment."""
        path = f"{self._programs}{os.pathsep}{os.environ.get('PATH', '')}"
        return {"MLFLOW_TRACKING_URI": prepared.tracking_uri, "PATH": path}

    def ready_path(self, model: str) -> str:
        """MLflow's own."""
        return "/ping"

    def path(self, case: Case) -> str:
        """The one route."""
        return "/invocations"

    def bodies(self, case: Case) -> tuple[str, ...]:
        """As they are."""
        return case.bodies

    def predictions(self, answer: bytes) -> list[Any]:
        """A list, of as many as there were rows."""
        found: list[Any] = json.loads(answer)["predictions"]
        return found

    def expected(self, case: Case) -> tuple[tuple[Any, ...], ...]:
        """What the model answers."""
        return case.expected


class Podium(_MlflowProtocol):
    """`podium serve`; its home stays, so that from the second start on models are cached."""

    key: str = "podium"
    title: str = TITLES["podium"]

    def command(self, prepared: Prepared, model: str, port: int) -> list[str]:
        """One host, all settings at their defaults."""
        home = str(prepared.folder / self.key)
        program = str(self._programs / "podium")
        refs = ["--model", f"{model}@{ALIAS}"]
        # Its name stays too, whatever its port, so that it knows what it served.
        where = ["--port", str(port), "--home", home, "--service-name", "benchmark"]
        return [program, "serve", *refs, *where]


class MlflowServe(_MlflowProtocol):
    """`mlflow models serve` with one worker, in Podium's environment."""

    key: str = "mlflow"
    title: str = TITLES["mlflow"]

    def command(self, prepared: Prepared, model: str, port: int) -> list[str]:
        """As its documentation says."""
        program = str(self._programs / "mlflow")
        uri = f"models:/{model}@{ALIAS}"
        options = ["--env-manager", "local", "--port", str(port), "--workers", "1"]
        return [program, "models", "serve", "-m", uri, *options]


@dataclass(frozen=True, slots=True)
class MlServer:
    """MLServer with its MLflow runtime and batching, asked by the Open Inference Protocol."""

    program: Path
    key: str = "mlserver"
    title: str = TITLES["mlserver"]

    def command(self, prepared: Prepared, model: str, port: int) -> list[str]:
        """Its settings lie in a folder that it is started on."""
        folder = prepared.folder / "mlserver" / model
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"host": "127.0.0.1", "http_port": port}
        settings |= {"grpc_port": 0, "metrics_port": 0, "debug": False}
        (folder / "settings.json").write_text(json.dumps(settings))
        runtime = {
            "name": model,
            "implementation": "mlserver_mlflow.MLflowRuntime",
            "max_batch_size": 64,
            "max_batch_time": 0.002,
            "parameters": {"uri": str(prepared.model_folder(model))},
        }
        (folder / "model-settings.json").write_text(json.dumps(runtime))
        return [str(self.program), "start", str(folder)]

    def environment(self, prepared: Prepared) -> Mapping[str, str]:
        """The programs of its own environment."""
        return {"PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def ready_path(self, model: str) -> str:
        """The server's own says yes before the model is loaded."""
        return f"/v2/models/{model}/ready"

    def path(self, case: Case) -> str:
        """The protocol's route for the model."""
        return f"/v2/models/{case.model}/infer"

    def bodies(self, case: Case) -> tuple[str, ...]:
        """In the protocol's format."""
        return case.v2_bodies

    def predictions(self, answer: bytes) -> list[Any]:
        """The only output."""
        (output,) = json.loads(answer)["outputs"]
        found: list[Any] = output["data"]
        return found

    def expected(self, case: Case) -> tuple[tuple[Any, ...], ...]:
        """What the model answers."""
        return case.expected


class _Floor(_MlflowProtocol):
    """A function of `benchmarks.floors` on uvicorn with uvloop and httptools."""

    _function: str

    def command(self, prepared: Prepared, model: str, port: int) -> list[str]:
        """One process, no access log."""
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        place = f"benchmarks.floors:{self._function}"
        return [sys.executable, "-m", "uvicorn", place, "--port", str(port), *options]

    def expected(self, case: Case) -> tuple[tuple[Any, ...], ...]:
        """Always the same."""
        return (tuple(ANSWER["predictions"]),) * len(case.bodies)


class EmptyFastApi(_Floor):
    """The framework's floor."""

    key: str = "fastapi"
    title: str = TITLES["fastapi"]
    _function = "framework"


class BareAsgi(_Floor):
    """The server's floor."""

    key: str = "asgi"
    title: str = TITLES["asgi"]
    _function = "server"
