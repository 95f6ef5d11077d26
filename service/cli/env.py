"""`podium env`: the environments of versions on this machine."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar

import click
from pydantic import BaseModel

from service.cli.found import loaded, stop
from service.cli.moving import environment_of, mlflow
from service.cli.once import OnceCommand
from service.cli.options import (
    VersionArgument,
    models_option,
    setting,
    version_argument,
)
from service.cli.registered import asking
from service.cli.told import ToldReport, emit, interruptible, json_option, teller
from service.config.settings import Settings
from service.exits import DONE, REFUSED, UNDECIDED, WRONG_USE

if TYPE_CHECKING:
    from service.environments.environment import BuildProgress
    from service.environments.environments import Environments, ShownEnvironment
    from service.provisioning.provisioned import Provision, ProvisionsHere, TellsOfEach

_Entries = TypeVar("_Entries")
_STATUSES: Mapping[str, int] = {"refused": REFUSED, "undecided": UNDECIDED}
_WORST_FIRST = (REFUSED, UNDECIDED, DONE)
_MIB = 1024**2
_KEY_SHOWN = 12


class EnvironmentRow(BaseModel):
    """One environment; `bytes` counts what it shares with others for each of them."""

    key: str
    python: str
    packages: Mapping[str, str]
    bytes: int
    used_at: datetime
    in_use: bool
    path: str


class EnvListReport(BaseModel):
    """The one JSON object of `podium env list --json`, the last used first.

    `limit_bytes` is PODIUM_ENV_BYTES.
    """

    folder: str
    limit_bytes: int
    environments: Sequence[EnvironmentRow]


class EnvShowReport(BaseModel):
    """The one JSON object of `podium env show --json`: one environment, and its lock."""

    key: str
    python: str
    packages: Mapping[str, str]
    path: str
    lock: str


class EnvPruneReport(BaseModel):
    """The one JSON object of `podium env prune --json`."""

    folder: str
    freed_bytes: int


class EnvVersion(BaseModel):
    """Where one version runs on this machine, or why it cannot.

    `outcome`: `own`: Podium's environment satisfies it; `there`, `to_build`: one of its own is
    here, or would be built; `built`: it was, now; `stands_in`: Podium's own, for want of one;
    `refused`, `undecided`: it cannot run, or not as things stand. `code` is a stable word for why,
    empty where there is nothing to say; `key` null where nothing was built.
    """

    name: str
    version: str
    alias: str
    outcome: Literal["own", "there", "to_build", "built", "stands_in", "refused", "undecided"]
    code: str
    sentence: str
    key: str | None


class EnvVersionsReport(ToldReport):
    """The one JSON object of `podium env check --json` and `podium env build --json`.

    `code` is `told`, or why that is all, which `sentence` says for people.
    """

    versions: Sequence[EnvVersion] = ()

    def lines(self) -> list[str]:
        """One for each version."""
        return [_line(each) for each in self.versions] or ["no alias is followed"]


@click.group()
def env() -> None:
    """Look after the environments that versions run in, on this machine.

    They lie below PODIUM_HOME. A service builds what it needs by itself; these commands build
    beforehand, say what would have to be built, and clear away.

    \b
    podium env check
    """  # noqa: D301 - click wants a real backspace


home_option = setting("home")


@env.command("list", cls=OnceCommand)
@home_option
@json_option
def list_(home: str | None, *, as_json: bool) -> None:
    """List the environments on this machine, the last used first.

    \b
    podium env list --json
    """  # noqa: D301
    settings = loaded({"home": home})
    entries = _asked(settings, lambda environments: environments.entries())
    rows = [
        EnvironmentRow(
            key=each.notes.key,
            python=each.notes.python,
            packages=dict(each.notes.packages),
            bytes=each.bytes,
            used_at=each.used_at,
            in_use=each.in_use,
            path=str(each.place),
        )
        for each in entries
    ]
    report = EnvListReport(
        folder=str(settings.environments_folder),
        limit_bytes=settings.env_bytes,
        environments=rows,
    )
    _print(report, _rows(report), as_json=as_json)


@env.command(cls=OnceCommand)
@click.argument("key")
@home_option
@json_option
def show(key: str, home: str | None, *, as_json: bool) -> None:
    """Show one environment: what is installed, by which lock. KEY is how its key begins.

    \b
    podium env show 3f2a91
    """  # noqa: D301
    found = _one(key, _asked(loaded({"home": home}), lambda each: each.show(key)))
    report = EnvShowReport(
        key=found.notes.key,
        python=found.notes.python,
        packages=dict(found.notes.packages),
        path=str(found.place),
        lock=found.lock,
    )
    said = [f"{report.key}  Python {report.python}, {report.path}", *report.lock.splitlines()]
    _print(report, said, as_json=as_json)


@env.command(cls=OnceCommand)
@home_option
@json_option
def prune(home: str | None, *, as_json: bool) -> None:
    """Remove every environment that nothing runs in, and what was downloaded to build them.

    \b
    podium env prune
    """  # noqa: D301
    settings = loaded({"home": home})
    freed = _asked(settings, lambda environments: environments.prune())
    folder = str(settings.environments_folder)
    report = EnvPruneReport(folder=folder, freed_bytes=freed)
    _print(report, [f"{folder}  {freed / _MIB:.1f} MiB are free again"], as_json=as_json)


@env.command(cls=OnceCommand)
@version_argument
@home_option
@json_option
def build(version: VersionArgument, home: str | None, *, as_json: bool) -> None:
    """Build the environment that a version needs, here and now, as its service would.

    Nothing is built where Podium's own environment satisfies the version.

    \b
    Exit status: 0 if it can run here; 1 if no environment can be built for it;
    2 wrong use; 3 if MLflow or an index does not answer.
    podium env build iris 3
    """  # noqa: D301
    settings, addresses, tell = loaded({"home": home}), mlflow(), teller(as_json=as_json)
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    blank = EnvVersionsReport(server=writer.server(), status=DONE)
    with asking(blank, as_json=as_json):
        wanted = writer.version_of(version)
        here = _here(settings, environment_of(addresses))
        _end(blank, [here.build(wanted.id, _progress(tell))], as_json=as_json)


@env.command(cls=OnceCommand)
@models_option
@home_option
@json_option
def check(models: tuple[str, ...], home: str | None, *, as_json: bool) -> None:
    """Say what this machine would have to build for what the aliases are on. Builds nothing.

    Of each model and alias of PODIUM_MODELS: whether Podium's own environment satisfies its
    version, an environment of its own is here, one would have to be built, or none can be. For a
    new image, before it serves. How far it has come is told on stderr.

    \b
    Exit status: 0 if every version can run here; 1 if one cannot; 2 wrong use;
    3 if MLflow or an index does not answer.
    podium env check --model iris@champion --json
    """  # noqa: D301
    settings = loaded({"models": models, "home": home})
    if not settings.models:
        stop("check what? Give --model NAME@ALIAS or PODIUM_MODELS.", WRONG_USE)
    addresses, tell = mlflow(), teller(as_json=as_json)
    from service.registry.writer.writer import Writer

    server = Writer(addresses).server()
    tell(f"MLflow   {server}")
    blank = EnvVersionsReport(server=server, status=DONE)
    with asking(blank, as_json=as_json):
        here = _here(settings, environment_of(addresses))
        _end(blank, _or_why(here.check), as_json=as_json)


def _here(settings: Settings, environment: Mapping[str, str]) -> "ProvisionsHere":
    from service.provisioning.provisioned import ProvisionsHere

    return ProvisionsHere(settings, environment, settings.environments_folder)


class _OnStderr:
    """`service.provisioning.provisioned.TellsOfEach`: of many versions one may take minutes."""

    @staticmethod
    def begins(number: int, many: int, name: str, alias: str, version: str) -> None:
        on = f" version {version}" if version else ""
        _tell_aside(f"{number} of {many}  {name}@{alias}{on}")

    @staticmethod
    def ends(found: "Provision") -> None:
        code = f", {found.code}" if found.code else ""
        _tell_aside(f"  {found.outcome.replace('_', ' ')}{code}")


def _tell_aside(line: str) -> None:
    from service.following.sentences import plain

    click.echo(plain(line), err=True)


def _or_why(
    check: Callable[["TellsOfEach"], Sequence["Provision"]],
) -> Sequence["Provision"]:
    from service.errors import FollowingError

    try:
        return check(_OnStderr())
    except FollowingError as error:
        stop(f"{error.message} {error.detail}".strip(), UNDECIDED)


def _end(blank: EnvVersionsReport, found: Sequence["Provision"], *, as_json: bool) -> None:
    statuses = {_STATUSES.get(each.outcome, DONE) for each in found} or {DONE}
    status = next(each for each in _WORST_FIRST if each in statuses)
    versions = [_version(each) for each in found]
    report = blank.model_copy(update={"status": status, "versions": versions})
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _version(found: "Provision") -> EnvVersion:
    return EnvVersion(
        name=found.name,
        version=found.version,
        alias=found.alias,
        outcome=found.outcome,
        code=found.code,
        sentence=found.sentence,
        key=None if found.built is None else found.built.key,
    )


def _line(each: EnvVersion) -> str:
    on = f"@{each.alias}" if each.alias else ""
    number = f" version {each.version}" if each.version else ""
    code = f"{each.code}: " if each.code else ""
    return f"{each.name}{on}{number}  {each.outcome.replace('_', ' ')}: {code}{each.sentence}"


def _progress(tell: Callable[[str], None]) -> Callable[["BuildProgress"], None]:
    def told(progress: "BuildProgress") -> None:
        packages = f", {progress.packages} packages" if progress.packages else ""
        tell(f"  {progress.step}{packages}")

    return told


def _asked(settings: Settings, ask: Callable[["Environments"], Awaitable[_Entries]]) -> _Entries:
    """What the folder of environments holds; a disk that fails ends the command."""
    from service.environments.environments import Environments
    from service.parts import build_settings

    async def asked() -> _Entries:
        environments = Environments(build_settings(settings, {}, settings.environments_folder))
        try:
            return await ask(environments)
        finally:
            await environments.close()

    try:
        with interruptible():
            return asyncio.run(asked())
    except KeyboardInterrupt:
        stop("interrupted; the same call may be made again", UNDECIDED)
    except OSError as error:
        reason = error.strerror or "the disk fails"
        stop(f"PODIUM_HOME: its environments cannot be used: {reason}", UNDECIDED)


def _one(key: str, found: Sequence["ShownEnvironment"]) -> "ShownEnvironment":
    if len(found) != 1:
        many = "no environment" if not found else f"{len(found)} environments"
        stop(f"{many} whose key begins with {key!r}; podium env list names all", WRONG_USE)
    return found[0]


def _rows(report: EnvListReport) -> list[str]:
    used = sum(each.bytes for each in report.environments)
    many, most = len(report.environments), report.limit_bytes
    return [
        f"{report.folder}  {many} environments, {used / _MIB:.1f} MiB of {most / _MIB:.0f} MiB",
        *(
            f"  {each.key[:_KEY_SHOWN]}  Python {each.python}, {len(each.packages)} packages, "
            f"{each.bytes / _MIB:.1f} MiB, {'in use' if each.in_use else f'used {each.used_at}'}"
            for each in report.environments
        ),
    ]


def _print(report: BaseModel, lines: Sequence[str], *, as_json: bool) -> None:
    from service.following.sentences import plain

    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    for line in lines:
        click.echo(plain(line))
