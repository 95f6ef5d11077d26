"""The version that is copied: what the registry says of it, and what may not be copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.exits import WRONG_USE
from service.promotion.stopped import MoveStopped, refused
from service.promotion.validated import require_fit
from service.registry.writer.faults import WriteRefused, asked
from service.registry.writer.writer import NamedVersion, RegisteredVersion, Writer


@dataclass(frozen=True, slots=True)
class Original:
    """A version, and what of it a copy may have.

    Attributes:
        run: the run that has made it, if this account may read that; empty otherwise.
        tags: those that were asked for.
    """

    version: RegisteredVersion
    description: str
    run: str
    tags: Mapping[str, str]


def original_of(writer: Writer, named: NamedVersion, tags: Sequence[str]) -> Original:
    """The version that is named. Raises `MoveStopped`, `WriteRefused` and `Unreachable`."""
    refuse_prompt(writer, named.name)
    found = writer.version_of(named)
    who = f"{found.name} {found.number}"
    # The copy would be free of what stands against its source.
    require_fit(found)
    absent = [key for key in tags if key not in found.tags]
    if absent:
        raise MoveStopped(WRONG_USE, "no_such_tag", f"{who} has no tag {absent[0]}")
    entity = asked(
        lambda: writer.client.get_model_version(found.name, found.number),
        f"READ on the model {found.name}",
    )
    run = _readable(writer, entity.run_id or "")
    kept = {key: found.tags[key] for key in tags}
    return Original(found, entity.description or "", run, kept)


def refuse_prompt(writer: Writer, name: str) -> None:
    """Raises `MoveStopped` where it is not a model: MLflow keeps prompts under the same names."""
    # As a model MLflow's client would call it absent.
    if asked(lambda: writer.client.get_prompt(name), f"READ on the model {name}") is not None:
        raise refused("prompt", f"{name} is a prompt, not a model")


def _readable(writer: Writer, run: str) -> str:
    """A version that names a run is refused to whoever may not read that, or once it is gone."""
    if not run:
        return ""
    try:
        asked(lambda: writer.client.get_run(run), f"READ on the run {run}")
    except WriteRefused:
        return ""
    return run
