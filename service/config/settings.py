"""What an operator can set: flags, then `PODIUM_*`, then the default. Frozen once read."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.config.addresses import is_web_address, may_be_asked, shown, workspace_of
from service.config.origins import origin_of
from service.config.prefix import Prefixes, Proxies, prefix_of
from service.config.secrets import PREFIX, BadSecret, forget, secret_in_file
from service.config.variables import Unknown, is_service_link, unknown_variables
from service.patterns import MOST_FOUND, RefPattern, address, is_pattern
from service.refs import BadRef, ModelRef
from service.status_tag import BadStatus, StatusTag

Port = Annotated[int, Field(ge=0, le=65535)]
Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
# It names a folder.
_SERVICE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")

_REQUIRED_VALIDATION: Final = re.compile(r"true|false|policy=[0-9a-f]{64}")

_SAMPLES: Final = re.compile(r"([1-9][0-9]{0,14})(?:,([1-9][0-9]{0,3})d)?")

# A name or an address, and a port; nothing of a whole address.
_INDEX_HOST: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

_SAMPLE_DAYS: Final = 7
_STARTS_SECONDS: Final = 30.0
# mlflow/utils/workspace_utils.py; what a request is for that names none.
_DEFAULT_WORKSPACE: Final = "default"


_Kind = TypeVar("_Kind", bound="Settings")


class BadSettings(Exception):
    """One line that names every setting that is wrong, and what it should be."""


class _Environment(EnvSettingsSource):
    """`PODIUM_*`, without what Kubernetes sets for Services that are called podium."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The variable's text; None where it is not set, or is not a setting."""
        value, key, is_complex = super().get_field_value(field, field_name)
        if isinstance(value, str) and is_service_link(variable(field_name), value):
            value = None
        return value, key, is_complex


class Settings(BaseSettings):
    """Every setting of the service. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True
    )

    models: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated NAME@ALIAS; the first is the default model. With `*`, `?` or "
        "`[...]` in it: a pattern, and every model and alias that match are served",
    )
    max_slots: Count = Field(
        MOST_FOUND, description="Most slots that patterns of `PODIUM_MODELS` make"
    )
    resident: Count | None = Field(
        None,
        description="Most versions that stay loaded, the most recently used; others are loaded on "
        "demand. Unset: all stay",
    )
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: Port = Field(8000, description="Port to listen on; 0 takes a free one")
    grpc_port: Port | None = Field(
        None,
        description="Port for the Open Inference Protocol by gRPC (`pip install podium[grpc]`); 0 "
        "takes a free one. Unset: none",
    )
    admin_port: Port | None = Field(
        None,
        description="Port of its own for the console, metrics, `/stats` and what the admin token "
        "asks for, which others then do not answer; 0 takes a free one; unset: none",
    )
    console_mlflow_url: str | None = Field(
        None,
        description="Address of MLflow's pages for whoever looks at the console; unset: that of "
        "the registry, without user and password",
    )
    home: Path = Field(Path(".podium"), description="Folder for everything that is kept")
    service_name: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="Name of this service's folder in a shared home; unset: its host and port"
    )
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        1.0, description="Seconds between two looks at the registry"
    )
    hosts: Count = Field(1, description="Host processes for each version")
    max_body_bytes: Bytes = Field(16 * 1024**2, description="Size limit of a request body in bytes")
    max_rows: Count = Field(100_000, description="Most rows in one request")
    max_batch_rows: Count = Field(4096, description="Most rows that are joined into one call")
    max_queue: Count = Field(1024, description="Most requests waiting for one version")
    max_queue_bytes: Bytes = Field(
        256 * 1024**2, description="Most bytes of request bodies held at once"
    )
    max_reply_bytes: Bytes = Field(64 * 1024**2, description="Size limit of a reply in bytes")
    predict_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0,
        description="Seconds that one prediction may take; a call that takes longer ends its "
        "process",
    )
    request_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="Seconds that a request may take as a whole, from its arrival to its answer; "
        "unset: twice `PODIUM_PREDICT_TIMEOUT_SECONDS`, and 30 s",
    )
    load_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        600.0, description="Seconds that the load and warm-up of a version may take"
    )
    host_memory_bytes: Bytes | None = Field(
        None, description="Memory limit in bytes of one host with what it forks; unset: no limit"
    )
    model_environment: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated NAME, MODEL:NAME or MODEL@ALIAS:NAME; variables for models",
    )
    # pydantic has a use of its own for `model_config`.
    model_configuration: str | None = Field(
        None,
        validation_alias="PODIUM_MODEL_CONFIG",
        description="JSON object that overrides what models were logged with as model_config",
    )
    model_config_file: Path | None = Field(
        None, description="JSON file of such objects by MODEL, MODEL@ALIAS or *; unset: none"
    )
    stop_delay_seconds: Seconds = Field(
        0.0,
        description="Seconds to keep accepting requests after SIGTERM, while reporting not ready",
    )
    drain_seconds: Seconds = Field(
        20.0, description="Seconds that requests may take to finish once no more are accepted"
    )
    keep_alive_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        620.0,
        description="Seconds that a connection may be idle; must be longer than the proxy in front "
        "keeps it",
    )
    root_path: str | None = Field(
        None, description="Path prefix that a proxy serves Podium below, as /models; unset: none"
    )
    forwarded_allow_ips: str = Field(
        "127.0.0.1,::1",
        description="Comma-separated addresses or networks of proxies to take X-Forwarded-Prefix "
        "from; *: from all",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated origins that browsers may send predictions from (CORS), or *; "
        "unset: none",
    )
    keep_warm_seconds: Seconds = Field(
        60.0,
        description="Seconds that the previous version stays loaded, to move back at once",
    )
    bake_seconds: Annotated[float, Field(ge=0, le=7 * 24 * 3600)] = Field(
        60.0,
        description="Seconds after a swap in which a version that fails more than the one before "
        "it gives way to that by itself; 0: never",
    )
    bake_most_seconds: Annotated[float, Field(ge=0, le=7 * 24 * 3600)] = Field(
        900.0,
        description="Seconds that the version before is kept loaded for that, while fewer than 100 "
        "requests have come",
    )
    bake_slower: Annotated[float, Field(ge=1.2, le=1000)] | None = Field(
        None,
        description="A version gives way, too, where its hosts take so many times as long; unset: "
        "not",
    )
    arms: Literal["on", "off"] = Field(
        "on",
        description="Whether tags of a model may bring other versions of it into service, as arms "
        "and shadows: on or off",
    )
    max_prepared: Annotated[int, Field(ge=0)] = Field(
        2,
        description="Most versions that `podium prepare` keeps loaded for a while, beside those "
        "that serve; 0: none",
    )
    cache_bytes: Bytes = Field(
        10 * 1024**3,
        description="Size of the artifact cache in bytes; above it, artifacts that no slot serves "
        "are removed",
    )
    allow_breaking: bool = Field(
        default=False,
        description="Serve a version even if its signature breaks clients of the one before",
    )
    allow_unsigned: bool = Field(
        default=False,
        description="Serve models without a signature; their requests cannot be checked",
    )
    missing_alias: Literal["keep", "empty"] = Field(
        "keep",
        description="Where the alias is gone: keep the version that it was on last, or empty the "
        "slot",
    )
    api_keys_file: Path | None = Field(
        None, description="File of API keys; if set, prediction routes require one"
    )
    admin_token: SecretStr | None = Field(
        None,
        description="Bearer token for reload, withdraw and the reasons of failures; unset: these "
        "are refused",
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that MLflow signs its webhooks with; unset: webhooks are refused"
    )
    events_url: SecretStr | None = Field(
        None,
        description="Address that is told of swaps, refusals and whatever else an operator acts "
        "on; unset: nobody is told",
    )
    events_secret: SecretStr | None = Field(
        None,
        description="Secret that events are signed with, as MLflow signs its webhooks; unset: they "
        "are not signed",
    )
    events_format: Literal["json", "slack"] = Field(
        "json",
        description="json: what docs/schemas/event.json says; slack: a text, as Slack's incoming "
        "webhooks take it, without a signature",
    )

    require_tags: Annotated[Mapping[str, str], NoDecode] = Field(
        {}, description="Comma-separated tags, KEY=VALUE, that a version must have"
    )
    require_validation: str = Field(
        "false",
        description="true: only versions whose very files `podium validate` has passed; "
        "policy=SHA256: by that policy",
    )
    validation_status: str = Field(
        "validation_status=pending,passed,failed",
        description="TAG=PENDING,PASSED,FAILED: the tag by which a version is known to have passed "
        "`podium validate`, and what it says; TAG=PASSED names that word alone",
    )
    validated_as: str | None = Field(
        None,
        description="Prefix, as in `staging.`: `PODIUM_REQUIRE_VALIDATION` asks for the validation "
        "of the version that one was copied from, under that prefix; unset: for its own",
    )
    aliases: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated aliases that this house moves, the first unless another is "
        "named; `podium promote` refuses others; unset: champion, and any",
    )
    trust: Literal["any", "no-pickle"] = Field(
        "any", description="no-pickle: only model formats that run no code when loaded"
    )
    requirements: Literal["warn", "refuse", "ignore"] = Field(
        "warn",
        description="Installed packages that differ from the model's: warn refuses missing ones, "
        "refuse other versions too, ignore none",
    )

    env_manager: Literal["auto", "uv", "local"] | None = Field(
        None,
        description="Where a version's libraries come from. auto: Podium's own environment where "
        "that satisfies the version, else one of its own; uv: always one of its own; local: always "
        "Podium's; unset: auto, or local with `PODIUM_TRUST=no-pickle`",
    )
    env_same: Literal["patch", "exact"] = Field(
        "patch",
        description="patch: Podium's environment satisfies a version whose packages differ by "
        "patch releases, those of its own flavour apart; exact: not",
    )
    indexes: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated hosts of package indexes that versions may name themselves, "
        "beside those that pip's configuration names",
    )
    wheelhouse: Path | None = Field(
        None,
        description="Folder of wheels that environments are built from, without an index; unset: "
        "from pip's index",
    )
    pythons: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated paths of Pythons that environments may be built with, beside "
        "those that are found",
    )
    allow_source_builds: bool = Field(
        default=False,
        description="Build packages of an environment that have no wheel, which runs their "
        "authors' code while it is built",
    )
    env_bytes: Bytes = Field(
        20 * 1024**3,
        description="Size of all environments in bytes; above it, those that no version runs in "
        "are removed, the least recently used first",
    )
    env_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        1800.0, description="Seconds that the build of an environment may take"
    )

    shadow_samples: str | None = Field(
        None,
        description="Size in bytes of requests and answers to keep over which a version and its "
        "shadow differed, as in 100000000, or 100000000,7d for another number of days than 7; "
        "unset: none are kept",
    )
    model_tracking: bool = Field(
        default=False,
        description="Hand traces of models on to MLflow; unset: they are dropped",
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="text: in words; json: a line of JSON each; auto: text on a terminal"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error; events below it are not logged"
    )
    request_log: bool = Field(default=True, description="Log each prediction request")

    @field_validator("log_format", "log_level", "events_format", mode="before")
    @classmethod
    def _lower_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator(
        *("models", "model_environment", "cors_origins", "aliases", "indexes", "pythons"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("require_tags", mode="before")
    @classmethod
    def _tags(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(key.strip() and equals for key, equals, _ in pairs):
            raise ValueError("must be KEY=VALUE, separated by commas")
        tags = {key.strip(): text.strip() for key, _, text in pairs}
        if len(tags) != len(pairs):
            raise ValueError("names a tag twice")
        return tags

    @field_validator("models")
    @classmethod
    def _refs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        refs, wrong = [], []
        for text in value:
            try:
                refs.append(_followed(text))
            except BadRef as error:
                wrong.append(str(error))
        if len(set(refs)) != len(refs):
            wrong.append("a model and alias, or a pattern, is given twice")
        if wrong:
            raise BadRef("; ".join(wrong))
        return tuple(refs)

    @field_validator("require_validation", mode="before")
    @classmethod
    def _validation(cls, value: Any) -> Any:
        text = str(value).strip().lower()
        if not _REQUIRED_VALIDATION.fullmatch(text):
            raise ValueError("must be true, false or policy= and the SHA-256 of a policy")
        return text

    @field_validator("shadow_samples")
    @classmethod
    def _sample_limits(cls, value: str | None) -> str | None:
        if value is not None and not _SAMPLES.fullmatch(value):
            raise ValueError("must be bytes, or bytes and days, as in 100000000,7d")
        return value

    @field_validator("validation_status")
    @classmethod
    def _status(cls, value: str) -> str:
        try:
            status = StatusTag.parse(value)
        except BadStatus:
            raise ValueError("must be TAG=PASSED or TAG=PENDING,PASSED,FAILED") from None
        return f"{status.key}={','.join(status.words)}"

    @field_validator("validated_as")
    @classmethod
    def _environment(cls, value: str | None) -> str | None:
        text = (value or "").strip()
        if value is not None and not re.fullmatch(r"([^./:\s]+\.)+", text):
            raise ValueError("must be a prefix of names that ends with a dot, as in staging.")
        return text or None

    @field_validator("aliases")
    @classmethod
    def _aliases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for alias in value:
            ModelRef.parse(f"model@{alias}")
        return tuple(dict.fromkeys(value))

    @field_validator("host", "home", mode="before")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        # An empty host would mean every address of the machine, an empty home the current folder.
        if not str(value).strip():
            raise ValueError("must not be empty")
        return value

    @field_validator("admin_token", "webhook_secret", "events_secret")
    @classmethod
    def _one_line(cls, value: SecretStr | None) -> SecretStr | None:
        # A token stands in a header; and nobody should be let in by an empty one.
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("must be printable ASCII characters without a space, at least one")
        return value

    @field_validator("events_url")
    @classmethod
    def _receiver(cls, value: SecretStr | None) -> SecretStr | None:
        # Never the address itself: whoever knows that of a chat's may write there.
        if value is not None and not may_be_asked(value.get_secret_value()):
            raise ValueError(
                "must be an address as https://HOST/PATH; user and password in it are sent as "
                "basic auth, and any @ but the one behind them is written %40"
            )
        return value

    @field_validator("indexes")
    @classmethod
    def _hosts_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Never the text itself: somebody may have written an address with a password in it.
        if not all(_INDEX_HOST.fullmatch(each) for each in value):
            raise ValueError("must be hosts, as in pypi.example.com or pypi.example.com:8443")
        return tuple(dict.fromkeys(each.lower() for each in value))

    @field_validator("pythons")
    @classmethod
    def _paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(Path(each).is_absolute() for each in value):
            raise ValueError("must be absolute paths, as in /usr/bin/python3.12")
        return tuple(dict.fromkeys(value))

    @field_validator("wheelhouse")
    @classmethod
    def _names_a_folder(cls, value: Path | None) -> Path | None:
        if value == Path():
            raise ValueError("must name a folder")
        return value

    @field_validator("admin_port")
    @classmethod
    def _its_own(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and value == info.data.get("port"):
            raise ValueError("must be another port than PODIUM_PORT")
        return value

    @field_validator("console_mlflow_url")
    @classmethod
    def _page(cls, value: str | None) -> str | None:
        # Never the text itself: somebody may have written an address with a password in it.
        if value is not None and not (is_web_address(value) and shown(value) == value):
            raise ValueError("must be an address as https://HOST/PATH, without user and password")
        return value

    @field_validator("api_keys_file", "model_config_file")
    @classmethod
    def _names_a_file(cls, value: Path | None) -> Path | None:
        if value == Path():
            raise ValueError("must name a file")
        return value

    @field_validator("model_configuration")
    @classmethod
    def _object(cls, value: str | None) -> str | None:
        if value is not None and not is_object(value):
            raise ValueError("must be a JSON object")
        return value

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, value: str | None) -> str | None:
        return value and prefix_of(value)

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            Proxies.of(value.split(","))
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.0.0.0/8, or *") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(origin_of, value))

    @field_validator("service_name")
    @classmethod
    def _plain_name(cls, value: str | None) -> str | None:
        if value is not None and not _SERVICE_NAME.fullmatch(value):
            raise ValueError("must be letters, digits and ._:- beginning with a letter or digit")
        return value

    @field_validator("host")
    @classmethod
    def _host_name(cls, value: str) -> str:
        try:
            value.encode("idna")
        except UnicodeError:
            raise ValueError("is not an address or host name") from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags and the environment, and nothing else."""
        return init_settings, _Environment(settings_cls)

    @property
    def refs(self) -> tuple[ModelRef, ...]:
        """What to follow by its name."""
        return tuple(ModelRef.parse(text) for text in self.models if not is_pattern(text))

    @property
    def patterns(self) -> tuple[RefPattern, ...]:
        """What to follow as the registry has it."""
        return tuple(RefPattern.parse(text) for text in self.models if is_pattern(text))

    @property
    def status_tag(self) -> StatusTag:
        """Where `podium validate` says what it has found."""
        return StatusTag.parse(self.validation_status)

    @property
    def environments(self) -> Literal["auto", "uv", "local"]:
        """Where versions' libraries come from, also where nobody has said so.

        What is trusted in no format that runs code is given no packages of its author's choice.
        """
        implied: Literal["auto", "local"] = "local" if self.trust == "no-pickle" else "auto"
        return self.env_manager or implied

    @property
    def environments_folder(self) -> Path:
        """Where environments of versions lie."""
        return self.home.absolute() / "environments"

    @property
    def sample_limits(self) -> tuple[int, int] | None:
        """Bytes and days of what is kept of requests over which shadows differed; None: nothing."""
        found = _SAMPLES.fullmatch(self.shadow_samples or "")
        return None if found is None else (int(found[1]), int(found[2] or _SAMPLE_DAYS))

    @property
    def request_seconds(self) -> float:
        """What a request may take as a whole.

        Unset it has room for two calls that hang before its own, one where it waits or stands and
        one in its second try, and for the processes that are started in their place.
        """
        if self.request_timeout_seconds is not None:
            return self.request_timeout_seconds
        return 2 * self.predict_timeout_seconds + _STARTS_SECONDS

    @property
    def prefixes(self) -> Prefixes:
        """Below which paths proxies show the service."""
        return Prefixes(self.root_path or "", Proxies.of(self.forwarded_allow_ips.split(",")))

    @property
    def known_as(self) -> str:
        """By which name it is told from other services of its home."""
        return self.service_name or f"{self.host}:{self.port}"

    def service_folder(self, environment: Mapping[str, str]) -> Path:
        """What this service alone keeps: its ledger and what it last served; not made yet.

        Of each workspace of MLflow's for itself: `wine@champion` is another model there.
        """
        workspace = workspace_of(environment)
        own = self.home.absolute() / "services" / quote(self.known_as, safe=":")
        if workspace in {"", _DEFAULT_WORKSPACE}:
            return own
        return own / f"workspace-{quote(workspace, safe='')}"

    def history_folder(self, environment: Mapping[str, str]) -> Path:
        """What each slot of this service served last, and before; not made yet."""
        return self.service_folder(environment) / "slots"


def _followed(text: str) -> str:
    """A reference or a pattern, as it is read again; raises `BadRef`."""
    if is_pattern(text):
        return str(RefPattern.parse(text))
    return address(ModelRef.parse_setting(text))


class LocalSettings(Settings):
    """What `podium up` reads as well."""

    tracking_port: Port = Field(8080, description="Port of the MLflow that `podium up` starts")


def unknown_settings(environment: Mapping[str, str]) -> list[Unknown]:
    """The `PODIUM_*` variables that no setting reads, each with the one that may be meant."""
    settings = {variable(name) for name in LocalSettings.model_fields}
    files = {f"{variable(name)}_FILE" for name in SECRETS}
    return list(unknown_variables(environment, settings | files))


SECRETS: Final = tuple(
    name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None
)
"""The settings that are secrets: no flags, since everybody may read those of a process."""


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that needs none of Podium's secrets."""
    copy = dict(environment)
    forget([f"{PREFIX}{name.upper()}" for name in SECRETS], copy)
    return copy


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """What a service reads; as `load_as`."""
    return load_as(Settings, flags)


def load_as(kind: type[_Kind], flags: Mapping[str, Any]) -> _Kind:
    """The settings of that kind in force; flags that are None were not given. Raises `BadSettings`.

    Secrets may also lie in a file that `PODIUM_*_FILE` names.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    problems = []
    for name in SECRETS:
        try:
            secret = secret_in_file(name, os.environ)
        except BadSecret as error:
            problems.append(str(error))
        else:
            given |= {} if secret is None else {name: secret}
    try:
        settings = kind(**given)
    except ValidationError as error:
        problems = [*map(_sentence, error.errors()), *problems]
    if problems:
        raise BadSettings("; ".join(problems))
    return settings


def variable(name: str) -> str:
    """The variable of the setting of that name."""
    alias = LocalSettings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}"


def _sentence(error: Mapping[str, Any]) -> str:
    where = error["loc"][0]
    name = variable(where) if where in LocalSettings.model_fields else where
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"


def is_object(text: str) -> bool:
    """Whether it is JSON, and an object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
