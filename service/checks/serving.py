"""What a running service serves of some models, as `podium where` asks it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from service.checks.asking import NO_PODIUM, ask
from service.checks.result import NoService


@dataclass(frozen=True, slots=True)
class ServedSlot:
    """One slot of a service; `version` is None where it serves nothing, `held` whether it stays."""

    name: str
    alias: str
    version: str | None
    state: str
    held: bool
    blocked: str | None
    code: str | None


def served(url: str, names: Collection[str]) -> Sequence[ServedSlot]:
    """Its slots of models of these names. Raises `NoService`."""
    answer = ask("GET", url, "/models")
    if not answer.is_success:
        raise NoService(f"{NO_PODIUM} ({answer.status_code})")
    try:
        slots = [each for each in answer.json()["models"] if each["name"] in names]
        return [
            ServedSlot(
                name=each["name"],
                alias=each["alias"],
                version=each["version"],
                state=each["state"],
                held=each.get("held") is not None,
                blocked=each.get("blocked"),
                code=(each["last_failure"] or {}).get("code"),
            )
            for each in slots
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoService(NO_PODIUM) from error
