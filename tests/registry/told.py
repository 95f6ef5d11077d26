"""An observer of histories that remembers what it was told."""

from dataclasses import dataclass, field

from service.refs import ModelRef


@dataclass
class Told:
    """`service.registry.front.last_known_good.HistoryObserver` that remembers codes."""

    codes: list[str] = field(default_factory=list)

    def history_failed(self, ref: ModelRef, code: str, message: str, detail: str) -> None:
        assert message
        self.codes.append(code)
