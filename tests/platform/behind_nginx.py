"""Behind a real nginx that shows the service below a prefix, taken off or left there."""

import re
import subprocess
from pathlib import Path

import httpx

from tests.platform.ground import SECONDS, Ground, get, predict, program
from tests.support.server_process import ServerProcess, started
from tests.support.tracking import answering, free_port

_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream podium {{ server {upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
    location = /alive {{ return 200; }}
    location /taken-off/ {{ proxy_pass http://podium/; }}
    location /told/ {{ proxy_pass http://podium/; proxy_set_header X-Forwarded-Prefix /told; }}
    location /left {{ proxy_pass http://podium; proxy_set_header X-Forwarded-Prefix /left; }}
    location /serving {{ proxy_pass http://podium; }}
  }}
}}
"""


def behind_nginx(ground: Ground) -> str:
    """Pages, links, predictions and refusals, by each way of showing a service."""
    nginx = program("nginx")
    version = subprocess.run([nginx, "-v"], check=True, capture_output=True, text=True).stderr
    with (
        ground.service(PODIUM_ROOT_PATH="/serving") as service,
        started(_server(nginx, ground.folder, service.url)),
    ):
        address = f"http://127.0.0.1:{_port(ground.folder)}"
        for prefix in ("/taken-off", "/told", "/serving"):
            _is_shown(address, prefix)
        _is_not_let_in(address)
        _refusals_can_be_read(address)
    return f"{version.strip().rpartition(' ')[2]}: three prefixes, taken off, told and set"


def _is_not_let_in(address: str) -> None:
    """A prefix that only a header names is never taken off: clients may send that header."""
    left = httpx.get(f"{address}/left/docs", timeout=SECONDS, trust_env=False)
    assert left.status_code == 404, left.status_code


def _server(nginx: str, folder: Path, url: str) -> ServerProcess:
    port = free_port()
    path = folder / "nginx.conf"
    path.write_text(
        _CONFIGURATION.format(folder=folder, port=port, upstream=url.removeprefix("http://"))
    )
    command = [nginx, "-c", str(path), "-e", "stderr", "-p", str(folder)]
    return ServerProcess("nginx", command, folder, answering(f"http://127.0.0.1:{port}/alive"))


def _port(folder: Path) -> str:
    found = re.search(r"listen 127\.0\.0\.1:(\d+)", (folder / "nginx.conf").read_text())
    assert found is not None
    return found[1]


def _is_shown(address: str, prefix: str) -> None:
    predict(f"{address}{prefix}")
    page = get(f"{address}{prefix}/docs").text
    for file in re.findall(r'(?:src|href)="([^"]+)"', page):
        get(f"{address}{prefix}/{file}")
    told = "/serving" if prefix == "/taken-off" else prefix
    assert get(f"{address}{prefix}/openapi.json").json()["servers"] == [{"url": told}]
    bare = httpx.get(f"{address}{prefix}/", timeout=SECONDS, trust_env=False)
    assert bare.headers["location"].endswith(f"{told}/docs"), bare.headers["location"]


def _refusals_can_be_read(address: str) -> None:
    """While the body is still on its way, over connections that nginx keeps."""
    with httpx.Client(base_url=address, timeout=SECONDS, trust_env=False) as client:
        for _ in range(3):
            long = client.post("/told/predict", content=bytes(20_000_000))
            assert long.status_code == 413, long.status_code
            assert client.post("/told/nothing", content=bytes(500_000)).status_code == 404
            predict(f"{address}/told")
