"""A server that is asked in the wrong way, or past the wrong machine; each is really asked."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from re import Match

from tests.doctor.ground import Broken, Ground, handed_on
from tests.support.certificate import certificate
from tests.support.http_server import Between, Request, Response, http_server
from tests.support.tracking import free_port

_REGISTRY = "the registry"
_URI = "MLFLOW_TRACKING_URI"
_CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH"
_PAGE = Response(b"<html>It works!</html>", 404, {"Content-Type": "text/html"})


@contextmanager
def no_scheme(ground: Ground) -> Iterator[Broken]:
    """A host and a port alone."""
    ground.ask(ground.fixture("mlflow_server"))
    ground.variables[_URI] = ground.variables[_URI].removeprefix("http://")

    def write(found: Match[str]) -> None:
        ground.variables[found[1]] = found[2] + ground.variables[found[1]]

    yield Broken(_URI, "address_wrong", r"(\w+) has no .*write (http://)HOST:PORT", write)


@contextmanager
def nobody_listens(ground: Ground) -> Iterator[Broken]:
    """A server that was not started."""
    ground.ask(ground.fixture("mlflow_server"))
    server, port = ground.variables[_URI], free_port()
    ground.variables[_URI] = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as ending:

        def start(_: Match[str]) -> None:
            ending.enter_context(handed_on(server, port))

        yield Broken(_REGISTRY, "registry_unreachable", "is it running", start)


@contextmanager
def path_missing(ground: Ground) -> Iterator[Broken]:
    """MLflow below a prefix, which the address leaves out; a page answers in its place."""
    ground.ask(ground.fixture("mlflow_server"))
    to_mlflow = Between(ground.variables[_URI])

    def below(request: Request) -> Response:
        if not request.path.startswith("/mlflow/"):
            return _PAGE
        return to_mlflow(replace(request, target=request.target.removeprefix("/mlflow")))

    with http_server(below) as url, contextlib.closing(to_mlflow):
        ground.variables[_URI] = url

        def correct(_: Match[str]) -> None:
            ground.variables[_URI] = f"{url}/mlflow"

        yield Broken(_REGISTRY, "registry_nonsense", "check the address", correct)


@contextmanager
def page_of_a_proxy(ground: Ground) -> Iterator[Broken]:
    """Who stands before MLflow asks for a login, with 200."""
    ground.ask(ground.fixture("mlflow_server"))
    lets_through: list[bool] = []

    def changed(response: Response) -> Response:
        return response if lets_through else replace(_PAGE, status=200)

    with handed_on(ground.variables[_URI], changed=changed) as url:
        ground.variables[_URI] = url

        def open_it(_: Match[str]) -> None:
            lets_through.append(True)

        yield Broken(_REGISTRY, "registry_nonsense", "and any proxy before it", open_it)


@contextmanager
def https_to_a_plain_port(ground: Ground) -> Iterator[Broken]:
    """TLS is asked for where nobody speaks it."""
    ground.ask(ground.fixture("mlflow_server"))
    ground.variables[_URI] = ground.variables[_URI].replace("http://", "https://")

    def write(found: Match[str]) -> None:
        ground.variables[found[3]] = ground.variables[found[3]].replace(found[2], found[1])

    says = r"write (http://) instead of (https://) in (\w+)"
    yield Broken(_REGISTRY, "registry_no_tls", says, write)


@contextmanager
def http_to_a_tls_port(ground: Ground) -> Iterator[Broken]:
    """The other way round."""
    ground.ask(ground.fixture("mlflow_server"))
    with handed_on(ground.variables[_URI], tls=certificate(ground.folder)) as url:
        ground.variables[_URI] = url.replace("https://", "http://")
        ground.variables[_CERTIFICATE] = str(ground.folder / "named.pem")

        def write(found: Match[str]) -> None:
            ground.variables[_URI] = ground.variables[_URI].replace("http://", found[1])

        says = r"and (https://) where it asks for that"
        yield Broken(_REGISTRY, "registry_unreachable", says, write)


@contextmanager
def nobody_known_has_signed(ground: Ground) -> Iterator[Broken]:
    """A certificate of the server's own."""
    ground.ask(ground.fixture("mlflow_server"))
    with handed_on(ground.variables[_URI], tls=certificate(ground.folder)) as url:
        ground.variables[_URI] = url

        def name(found: Match[str]) -> None:
            ground.variables[found[1]] = str(ground.folder / "named.pem")

        says = r"name the file of whoever has signed it in (\w+)"
        yield Broken(_REGISTRY, "registry_untrusted", says, name)


@contextmanager
def no_certificate(ground: Ground) -> Iterator[Broken]:
    """A CA file that is not there."""
    ground.ask(ground.fixture("mlflow_server"))
    with handed_on(ground.variables[_URI], tls=certificate(ground.folder)) as url:
        ground.variables[_URI] = url
        ground.variables[_CERTIFICATE] = str(ground.folder / "none.pem")

        def correct(found: Match[str]) -> None:
            ground.variables[found[1]] = str(ground.folder / "named.pem")

        says = r"A file of certificates is missing .*check (\w+)"
        yield Broken(_REGISTRY, "registry_certificate_file", says, correct)


@contextmanager
def dead_proxy(ground: Ground) -> Iterator[Broken]:
    """A proxy that does not answer."""
    ground.ask(ground.fixture("mlflow_server"))
    ground.variables["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    ground.variables["NO_PROXY"] = ""

    def name(found: Match[str]) -> None:
        ground.variables[found[1]] = "127.0.0.1"

    says = r"name the registry's host in (\w+)"
    yield Broken(_REGISTRY, "registry_proxy", says, name)


@contextmanager
def bad_client_setting(ground: Ground) -> Iterator[Broken]:
    """A variable of MLflow's own that its client does not take."""
    ground.ask(ground.fixture("mlflow_server"))
    ground.variables["MLFLOW_TRACKING_INSECURE_TLS"] = "maybe"

    def take_away(found: Match[str]) -> None:
        del ground.variables[found[1]]

    says = r"Here it says: .*\b(MLFLOW_TRACKING_INSECURE_TLS)\b"
    yield Broken(_REGISTRY, "registry_client_setting", says, take_away)


@contextmanager
def clock_off(ground: Ground) -> Iterator[Broken]:
    """The server's Date is of an hour ago."""
    ground.ask(ground.fixture("mlflow_server"))
    off = [timedelta(hours=1)]

    def changed(response: Response) -> Response:
        others = {k: text for k, text in response.headers.items() if k.lower() != "date"}
        date = format_datetime(datetime.now(UTC) - sum(off, timedelta()), usegmt=True)
        return replace(response, headers={**others, "Date": date})

    with handed_on(ground.variables[_URI], changed=changed) as url:
        ground.variables[_URI] = url

        def set_it(_: Match[str]) -> None:
            off.clear()

        says = r"3\d\d\d s ahead of MLflow's.*Set the one that is wrong"
        yield Broken("clock", "clock", says, set_it)


@contextmanager
def host_refused(ground: Ground) -> Iterator[Broken]:
    """MLflow is asked by a name that is not one of its --allowed-hosts."""
    ground.ask(ground.fixture("mlflow_server"))
    guarded = ground.fixture("guarded_server")
    ground.variables[_URI] = guarded.url

    def allow(found: Match[str]) -> None:
        guarded.start_with(f"{found[1]}=127.0.0.1:*")
        ground.ask(guarded.url)

    says = r"start `mlflow server` with that name in (--allowed-hosts)"
    yield Broken(_REGISTRY, "registry_host_refused", says, allow)


@contextmanager
def workspace_where_there_is_none(ground: Ground) -> Iterator[Broken]:
    """The server was started without workspaces."""
    ground.ask(ground.fixture("mlflow_server"))
    ground.variables["MLFLOW_WORKSPACE"] = "team-a"

    def unset(found: Match[str]) -> None:
        del ground.variables[found[1]]

    yield Broken(_REGISTRY, "registry_workspace", r"or unset (\w+)", unset)


@contextmanager
def workspace_misspelled(ground: Ground) -> Iterator[Broken]:
    """The server has others."""
    ground.ask(ground.fixture("workspaces").url)
    ground.variables["MLFLOW_WORKSPACE"] = "defalt"

    def correct(found: Match[str]) -> None:
        ground.variables[found[1]] = "default"

    says = r"name that stands in (\w+).*correct the name"
    yield Broken(_REGISTRY, "registry_workspace", says, correct)
