"""gRPC's server: off it costs nothing, and what speaks it is of the protocol's own file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from tests.grpc.app import Rpc

ROOT = Path(__file__).parents[2]
PROTO = "service/contract/tensors/open_inference.proto"


def test_nothing_of_it_is_imported_where_nobody_asks() -> None:
    """Neither its libraries nor the room."""
    code = "import service.app, json, sys; print(json.dumps(sorted(sys.modules)))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=400)
    loaded = set(json.loads(done.stdout))

    assert "service.app" in loaded
    assert not {name for name in loaded if name.split(".")[0] in {"grpc", "google"}}
    assert not {name for name in loaded if name.startswith("service.grpc")}


def test_stubs_are_of_the_file(tmp_path: Path) -> None:
    """`make stubs` would change nothing."""
    flags = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *flags, PROTO]
    subprocess.run(command, cwd=ROOT, check=True, timeout=400)
    for suffix in (".py", ".pyi"):
        name = PROTO.replace(".proto", f"_pb2{suffix}")
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()


async def test_port_that_is_taken_is_an_error(rpc: Rpc) -> None:
    """Two services on one port would share its calls."""
    other = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    with pytest.raises(RuntimeError):
        other.add_insecure_port(f"127.0.0.1:{rpc.server.port}")
