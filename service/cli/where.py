"""`podium where`: a use case across its environments, and what serves of it."""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from pydantic import BaseModel

from service.cli.found import loaded, stop
from service.cli.moving import mlflow
from service.cli.names import mistake_in_model
from service.cli.once import OnceCommand
from service.cli.options import urls_option
from service.cli.registered import asking
from service.cli.steering import AliasRollout, rollout_of, rollout_sentences, wrong_lines
from service.cli.told import ToldReport, emit, json_option, teller
from service.exits import DONE, UNDECIDED
from service.hold_tag import Hold
from service.promotion.mark_origin import said_by
from service.promotion.use_case import PREFIXES, names_of
from service.refs import ModelRef
from service.typed import typed_on

if TYPE_CHECKING:
    from service.promotion.use_case import FoundAlias, FoundModel, FoundVersion


_NOT_SHOWN = "there is no such model, or this account may not read it"


class WhereHold(BaseModel):
    """Why an alias is held, and until when; null: until it is released.

    `unreadable` is what stands in the place of a time and is none: it holds until it is released.
    `by` and `link` are of whoever holds it, empty where nobody says.
    """

    reason: str
    until: datetime | None
    unreadable: str
    by: str
    link: str


class WhereAlias(BaseModel):
    """An alias, what it is on, null where there is no such alias, and what holds it.

    `rollout`: how tags steer who gets its requests; null where none does.
    """

    alias: str
    version: str | None
    held: WhereHold | None
    rollout: AliasRollout | None


class WhereVersion(BaseModel):
    """A version that an alias is on, or the newest.

    `source` is what it was copied from, else what it was made of. `validation` is the value of its
    status tag, and `judged` the version that was validated where that is another one. `blocked` and
    `withdrawn` are why; null where it is not. `blocked_by` and `blocked_link` are of whoever has
    blocked it, empty where nobody says.
    """

    version: str
    source: str
    validation: str
    judged: str
    blocked: str | None
    withdrawn: str | None
    blocked_by: str
    blocked_link: str


class WhereModel(BaseModel):
    """One model of the use case, the newest version first."""

    name: str
    aliases: Sequence[WhereAlias]
    versions: Sequence[WhereVersion]


class WhereArm(BaseModel):
    """Who answers a part of a slot's requests: `weight` percent now, `wished` as tags have it.

    `code`: why it does not answer, where that is known.
    """

    alias: str
    version: str | None
    weight: float
    wished: float
    code: str | None


class WhereShadow(BaseModel):
    """Who hears of a slot's requests and answers none; `state` is a word, as the service has it."""

    alias: str
    version: str | None
    percent: float
    state: str


class WhereVerdict(BaseModel):
    """That a version has done worse there than the one before it, and has given way."""

    version: str
    code: str
    message: str


class WhereSlot(BaseModel):
    """What a service serves under one reference; `code` is of its last failure.

    `arms` are who answers its requests, its own version first, where these are shared; `bakes`:
    whether its version is not proven yet.
    """

    name: str
    alias: str
    version: str | None
    state: str
    held: bool
    blocked: str | None
    code: str | None
    arms: Sequence[WhereArm] = ()
    bakes: bool = False
    verdict: WhereVerdict | None = None
    shadow: WhereShadow | None = None


class WhereService(BaseModel):
    """A service's slots of these models; `error` says why it does not tell, empty if it does."""

    url: str
    slots: Sequence[WhereSlot]
    error: str = ""


class WhereReport(ToldReport):
    """The one JSON object of `podium where --json`.

    `not_shown` are names that MLflow tells nothing about: it answers alike for what is absent, and
    for what this account may not read.
    """

    name: str
    models: Sequence[WhereModel] = ()
    not_shown: Sequence[str] = ()
    services: Sequence[WhereService] = ()

    def lines(self) -> list[str]:
        """A paragraph for each model, then one for each service."""
        return [
            *(line for model in self.models for line in _of_model(model)),
            *(f"{name}  not shown: {_NOT_SHOWN}" for name in self.not_shown),
            *(line for each in self.services for line in _of_service(each)),
        ]


@click.command(cls=OnceCommand)
@click.argument("name")
@urls_option
@click.option(
    "--prefixes",
    default=",".join(PREFIXES),
    show_default=True,
    metavar="LIST",
    help="What the names of the environments' models begin with, in their order.",
)
@json_option
def where(name: str, urls: tuple[str, ...], prefixes: str, *, as_json: bool) -> None:
    """Show a use case across its environments: versions, aliases, and what serves. Changes nothing.

    NAME is that of the use case, as security.fraud, or of one of its models, as
    dev.security.fraud. Of each model there is shown every version that an alias is on, and the
    newest: what it was copied from, whether it was validated, blocked or withdrawn; which aliases
    are held, who gets their requests, and who hears of them. With --url also what that service
    serves of it, and whether a version has given way there.

    \b
    Exit status: 0 if it is shown; 2 wrong use, or no such model; 3 if MLflow
    or a service does not answer.
    podium where security.fraud --url http://podium-1:8000
    """  # noqa: D301 - click wants a real backspace
    names = names_of(name, [each.strip() for each in prefixes.split(",") if each.strip()])
    if wrong := next(filter(None, map(mistake_in_model, names)), None):
        stop(wrong)
    addresses, tell = mlflow(), teller(as_json=as_json)
    from service.promotion.use_case import found
    from service.registry.writer.faults import NOT_FOUND, WriteRefused
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    status_tag = loaded().status_tag.key
    blank = WhereReport(server=writer.server(), name=name, status=DONE)
    with asking(blank, as_json=as_json):
        use_case = found(writer, names, status_tag, datetime.now(UTC))
        if not use_case.models:
            hidden = ", or shows none of them to this account" if use_case.not_shown else ""
            raise WriteRefused(f"the registry has none of {', '.join(names)}{hidden}", NOT_FOUND)
    models = use_case.models
    services = [_service(url, {each.name for each in models}) for url in urls]
    told = {
        "status": UNDECIDED if any(each.error for each in services) else DONE,
        "models": [_shown(each) for each in models],
        "not_shown": use_case.not_shown,
        "services": services,
    }
    report = blank.model_copy(update=told)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _service(url: str, names: Collection[str]) -> WhereService:
    from service.checks.result import NoService
    from service.checks.serving import served

    try:
        slots = served(url, names)
    except NoService as error:
        return WhereService(url=url, slots=(), error=str(error))
    return WhereService(
        url=url, slots=[WhereSlot.model_validate(each, from_attributes=True) for each in slots]
    )


def _shown(found: "FoundModel") -> WhereModel:
    return WhereModel(
        name=found.name,
        aliases=[
            WhereAlias(
                alias=each.alias, version=each.version, held=_hold(each), rollout=_rollout(each)
            )
            for each in found.aliases
        ],
        versions=[_version(each) for each in found.versions],
    )


def _version(found: "FoundVersion") -> WhereVersion:
    by = found.blocked_by
    told = {
        **asdict(found),
        "blocked_by": by.by if by else "",
        "blocked_link": by.link if by else "",
    }
    return WhereVersion(**told)


def _hold(found: "FoundAlias") -> WhereHold | None:
    hold, by = found.hold, found.held_by
    if hold is None:
        return None
    return WhereHold(**asdict(hold), by=by.by if by else "", link=by.link if by else "")


def _rollout(found: "FoundAlias") -> AliasRollout | None:
    return rollout_of(found.steered) if found.steered.tags.said else None


def _of_model(model: WhereModel) -> Iterator[str]:
    yield model.name
    for each in model.versions:
        on = [f"@{alias.alias}" for alias in model.aliases if alias.version == each.version]
        aliases = f"  {' '.join(on)}" if on else ""
        yield f"  version {each.version}{aliases}  {'; '.join(_marks(each))}"
        yield f"    from {each.source}"
    yield from _rollouts_of(model)
    for alias in model.aliases:
        if (held := alias.held) is not None:
            hold = Hold(held.reason, held.until, held.unreadable)
            gone = "" if alias.version else "; the model has no such alias"
            release = typed_on(ModelRef(model.name, alias.alias), "release")
            by = said_by(held.by, held.link, held.reason)
            yield f"  @{alias.alias} is held {hold.sentence}{by}{gone}; {release} takes that back"


def _rollouts_of(model: WhereModel) -> Iterator[str]:
    for each in model.aliases:
        if each.rollout is not None:
            said = rollout_sentences(each.version, each.rollout)
            yield from (f"  @{each.alias}  {sentence}" for sentence in said)
            yield from wrong_lines(each.alias, each.rollout)


def _marks(version: WhereVersion) -> Iterator[str]:
    judged = f" as {version.judged}" if version.judged else ""
    yield f"{version.validation or 'not validated'}{judged}"
    for word, reason in (("blocked", version.blocked), ("withdrawn", version.withdrawn)):
        if reason is not None:
            whose = (version.blocked_by, version.blocked_link) if word == "blocked" else ("", "")
            yield f"{word}: {reason}{said_by(*whose, reason)}" if reason else word


def _of_service(service: WhereService) -> Iterator[str]:
    if service.error:
        yield f"{service.url}  does not tell: {service.error}"
    else:
        yield service.url if service.slots else f"{service.url}  follows no alias of these"
    for slot in service.slots:
        serves = "nothing" if slot.version is None else f"version {slot.version}"
        told = [slot.state, *(["held"] if slot.held else [])]
        told += [f"version {slot.blocked} is blocked"] if slot.blocked else []
        told += [slot.code] if slot.code and slot.code != "blocked" else []
        told += ["not proven yet"] if slot.bakes else []
        yield f"  {slot.name}@{slot.alias}  {serves}: {', '.join(told)}"
        yield from _arms_of(slot)


def _arms_of(slot: WhereSlot) -> Iterator[str]:
    for each in slot.arms:
        on = "nothing" if each.version is None else f"version {each.version}"
        late = "" if each.weight == each.wished else f" instead of {each.wished:g}%"
        code = f": {each.code}" if each.code else ""
        yield f"    {each.weight:g}%{late} to {each.alias}, {on}{code}"
    if slot.shadow is not None:
        on = "nothing" if slot.shadow.version is None else f"version {slot.shadow.version}"
        said = f"{slot.shadow.percent:g}% of them heard by {slot.shadow.alias}, {on}"
        yield f"    {said}: {slot.shadow.state}"
    if slot.verdict is not None:
        yield f"    version {slot.verdict.version} has given way: {slot.verdict.message}"
