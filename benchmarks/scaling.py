"""`make bench-scaling`: what a second host adds where the model is all the work.

A row takes the model 20 ms of one core, and requests are not joined; eight connections ask for one
row each. Two hosts should answer at least 1.8 times as many as one, on two cores that are free.
"""

import argparse
import http.client
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import mlflow
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema
from rich.console import Console

from benchmarks.podium_process import serving

_CONNECTIONS: Final = 8
_LEAST_RATIO: Final = 1.8
_BODY: Final = b'{"dataframe_split": {"columns": ["x"], "data": [[1.5]]}}'
_MODEL: Final = """
import time
import mlflow

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        until = time.thread_time() + 0.020 * len(model_input)
        while time.thread_time() < until:
            pass
        return model_input["x"].tolist()

mlflow.models.set_model(Slow())
"""


def main() -> None:
    """Prints both rates and their ratio; exits with 1 if that is below 1.8."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each of the two")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "slow.py").write_text(_MODEL)
        mlflow.pyfunc.save_model(
            str(folder / "slow"),
            python_model=str(folder / "slow.py"),
            signature=ModelSignature(inputs=Schema([ColSpec("double", "x")])),
            pip_requirements=["mlflow"],
        )
        one, two = (_rate(folder, hosts, seconds) for hosts in (1, 2))
    say = Console(highlight=False).print
    say(f"one host:   {one:6.1f} requests/s")
    say(f"two hosts:  {two:6.1f} requests/s")
    say(f"ratio:      {two / one:6.2f} (at least {_LEAST_RATIO})")
    sys.exit(two / one < _LEAST_RATIO)


def _rate(folder: Path, hosts: int, seconds: float) -> float:
    with serving(folder / "slow", folder / f"hosts-{hosts}", PODIUM_HOSTS=str(hosts)) as url:
        answered = [0] * _CONNECTIONS
        deadline = time.monotonic() + seconds
        clients = [
            threading.Thread(target=_ask, args=(url, deadline, answered, place))
            for place in range(_CONNECTIONS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    if not all(answered):
        raise RuntimeError(f"a connection was not answered: {answered}")
    return sum(answered) / seconds


def _ask(url: str, deadline: float, answered: list[int], place: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    while time.monotonic() < deadline:
        connection.request("POST", "/predict", _BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            return
        answered[place] += 1


if __name__ == "__main__":
    main()
