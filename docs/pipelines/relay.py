"""MLflow's webhook for a new version becomes a pipeline at GitLab, or a dispatch at GitHub.

    RELAY_SECRET=... RELAY_TOKEN=... python relay.py gitlab \
        https://gitlab.example.com/api/v4/projects/123/trigger/pipeline --ref main
    RELAY_SECRET=... RELAY_TOKEN=... python relay.py github \
        https://api.github.com/repos/OWNER/REPOSITORY/dispatches

Neither reads MLflow's events, nor knows its signature. Answers 204 where a pipeline was started,
200 where the event is of no model below the prefix, 403 for what MLflow has not signed, and 502
where nobody could be told: MLflow tries that again. It needs Python's standard library alone.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import Any

LARGEST = 1_000_000
WINDOW_SECONDS = 300
SECONDS = 20


def is_signed(secret: str, headers: Message, body: bytes, now: float) -> bool:
    """Whether MLflow has signed it with that secret within the last minutes."""
    sent, time_sent = headers.get("X-MLflow-Delivery-Id", ""), headers.get("X-MLflow-Timestamp", "")
    signed = f"{sent}.{time_sent}.".encode() + body
    digest = hmac.digest(secret.encode(), signed, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    given = headers.get("X-MLflow-Signature", "").encode()
    recent = time_sent.isdigit() and abs(now - int(time_sent)) <= WINDOW_SECONDS
    return hmac.compare_digest(expected, given) and recent


def created(body: bytes, prefix: str) -> tuple[str, str] | None:
    """Name and number of the version, if the event is that one of such a model was made."""
    event = json.loads(body)
    if (event["entity"], event["action"]) != ("model_version", "created"):
        return None
    name, version = str(event["data"]["name"]), str(event["data"]["version"])
    return (name, version) if name.startswith(prefix) else None


def request_to(given: argparse.Namespace, name: str, version: str) -> urllib.request.Request:
    """What starts the line there for that version."""
    if given.kind == "gitlab":
        fields = {
            "token": os.environ["RELAY_TOKEN"],
            "ref": given.ref,
            "variables[MODEL_NAME]": name,
            "variables[MODEL_VERSION]": version,
        }
        return urllib.request.Request(given.url, urllib.parse.urlencode(fields).encode())  # noqa: S310
    payload = {"name": name, "version": version}
    told = json.dumps({"event_type": "model-version-created", "client_payload": payload})
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['RELAY_TOKEN']}",
        "Content-Type": "application/json",
    }
    return urllib.request.Request(given.url, told.encode(), headers)  # noqa: S310


def handler_of(given: argparse.Namespace) -> type[http.server.BaseHTTPRequestHandler]:
    """What answers MLflow."""
    secret = os.environ["RELAY_SECRET"]

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = SECONDS

        def do_POST(self) -> None:
            self.send_response(self.answer())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self) -> int:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST:
                return 413
            body = self.rfile.read(int(length))
            if not is_signed(secret, self.headers, body, time.time()):
                return 403
            found = created(body, given.prefix)
            if found is None:
                return 200
            try:
                urllib.request.urlopen(request_to(given, *found), timeout=SECONDS).close()  # noqa: S310
            except OSError as error:
                # Not the error's text: it may hold the address.
                self.log_message("%s: nobody is told: %s", found, type(error).__name__)
                return 502
            self.log_message("%s: a pipeline is started", found)
            return 204

    return Handler


def main(arguments: list[str] | None = None) -> Any:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", choices=("gitlab", "github"))
    parser.add_argument("url")
    parser.add_argument("--ref", default="main")
    parser.add_argument("--prefix", default="dev.")
    parser.add_argument("--port", type=int, default=8088)
    given = parser.parse_args(arguments)
    server = http.server.ThreadingHTTPServer(("", given.port), handler_of(given))
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
