"""A register in MLflow whose entries are written exactly once, by whoever comes first.

MLflow has no compare-and-set for aliases and tags; what it writes once is a run's param. There is
one register for each key, kept as one run of the experiment `podium/journal`. Tried on SQLite and
PostgreSQL; a store of plain files promises nothing of the kind.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from service.registry.writer.election import ELECTED, YES, TheOne, next_of
from service.registry.writer.faults import EXISTS, Unreachable, WriteRefused, asked
from service.registry.writer.writer import Writer

EXPERIMENT: Final = "podium/journal"
MOST_CHARACTERS: Final = 6000
"""Of one entry: MLflow's for a param (mlflow/utils/validation.py), which it cuts without a word."""
_KEY: Final = "podium.journal"
_NOTE: Final = "mlflow.note.content"
_DESCRIPTION: Final = (
    "Podium's journal of one alias: each param is one entry, written once, and never changed. "
    "Deleting this run deletes what `podium rollback` goes by."
)
_NEEDS: Final = (
    f"EDIT on the experiment {EXPERIMENT}, which an administrator, or who has made it, grants to "
    "every account that moves aliases"
)
_READS: Final = f"READ on the experiment {EXPERIMENT}"
_PAGE: Final = 1000
_TRIES: Final = 50
# MLflow's for a param that has another value already.
_TAKEN: Final = "INVALID_PARAMETER_VALUE"


class OnceRegister:
    """The entries under one key; every method raises `WriteRefused` and `Unreachable`."""

    def __init__(self, writer: Writer, key: str) -> None:
        """Nothing is made before something is to be written."""
        self._client: MlflowClient = writer.client
        self._name = key
        # A key may hold quotes, which MLflow's filters know no way to write.
        self._key = hashlib.sha256(key.encode()).hexdigest()
        self._run: str | None = None

    @classmethod
    def every(cls, writer: Writer) -> Mapping[str, Mapping[str, str]]:
        """The entries of each key, by one question; of the thousand that were made last."""
        register = cls(writer, "")
        experiment = register._experiment()
        if experiment is None:
            return {}
        elected = f"params.{ELECTED} = '{YES}'"
        found = asked(
            lambda: writer.client.search_runs([experiment], elected, max_results=_PAGE), _READS
        )
        return {str(run.info.run_name): _entries(run) for run in found}

    def read(self) -> Mapping[str, str]:
        """Every entry, as it was at one moment; nothing is made for it."""
        if self._run is not None:
            return _entries(self._of(self._run))
        experiment = self._experiment()
        found = {} if experiment is None else self._runs(experiment)
        chosen = next_of(_answers(found))
        if not isinstance(chosen, TheOne):
            return {}
        self._run = chosen.run
        return _entries(_living(found[chosen.run]))

    def open(self) -> str:
        """The run that keeps it, made if there is none; it is there, and MLflow answers.

        So what is written next is one question, and the first that may fail in the middle.
        """
        if self._run is None:
            self._run = self._elected()
        else:
            self._of(self._run)
        return self._run

    def put(self, entry: str, value: str) -> bool:
        """Writes it unless it is written; whether the value stands there now.

        Whatever becomes of the answer, it is read again: an answer that got lost says nothing of
        what was written. Raises `Unreachable` also where it may be written later.
        """
        if len(value) > MOST_CHARACTERS:
            raise ValueError(f"an entry of {len(value)} characters; {MOST_CHARACTERS} at most")
        return self._put(self._run or self.open(), entry, value)

    def _put(self, run: str, entry: str, value: str) -> bool:
        lost: Unreachable | None = None
        try:
            asked(lambda: self._client.log_param(run, entry, value), _NEEDS)
        except Unreachable as unknown:
            lost = unknown
        except WriteRefused as refused:
            if refused.code != _TAKEN:
                raise
        there = self._of(run).data.params.get(entry)
        if there is None:
            # It may be on its way still: nobody has refused it.
            raise lost or Unreachable("MLflow does not keep what is written to it")
        return bool(there == value)

    def _elected(self) -> str:
        experiment = self._experiment() or self._new_experiment()
        for _ in range(_TRIES):
            found = self._runs(experiment)
            chosen = next_of(_answers(found))
            if isinstance(chosen, TheOne):
                _living(found[chosen.run])
                return chosen.run
            if chosen is None:
                self._make(experiment)
            elif self._put(chosen.run, ELECTED, chosen.answer) and chosen.answer == YES:
                self._finish(chosen.run)
        raise Unreachable("MLflow does not keep what is written to it: no journal could be made")

    def _experiment(self) -> str | None:
        found = asked(lambda: self._client.get_experiment_by_name(EXPERIMENT), _NEEDS)
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            raise WriteRefused(
                f"the experiment {EXPERIMENT} was deleted: bring it back with "
                f"mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        return str(found.experiment_id)

    def _new_experiment(self) -> str:
        needs = "to be allowed to make experiments"
        try:
            return str(asked(lambda: self._client.create_experiment(EXPERIMENT), needs))
        except WriteRefused as refused:
            # Somebody else has, at the same time.
            if refused.code == EXISTS and (made := self._experiment()) is not None:
                return made
            raise

    def _make(self, experiment: str) -> None:
        tags = {_KEY: self._key, _NOTE: _DESCRIPTION}
        asked(lambda: self._client.create_run(experiment, None, tags, self._name), _NEEDS)

    def _finish(self, run: str) -> None:
        # So that MLflow's page does not show it as running for years; `set_terminated` would print
        # the run's address on stdout.
        asked(lambda: self._client.update_run(run, "FINISHED"), _NEEDS)

    def _runs(self, experiment: str) -> Mapping[str, Run]:
        wanted = f"tags.`{_KEY}` = '{self._key}'"
        found = asked(
            lambda: self._client.search_runs([experiment], wanted, ViewType.ALL, _PAGE), _NEEDS
        )
        return {str(run.info.run_id): run for run in found}

    def _of(self, run: str) -> Run:
        return _living(asked(lambda: self._client.get_run(run), f"READ on {EXPERIMENT}"))


def _answers(runs: Mapping[str, Run]) -> Mapping[str, str | None]:
    # Nothing can be written to one that was deleted; one that was elected stays so.
    answers = {name: run.data.params.get(ELECTED) for name, run in runs.items()}
    return {
        name: answer
        for name, answer in answers.items()
        if answer or runs[name].info.lifecycle_stage == "active"
    }


def _entries(run: Run) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in run.data.params.items() if key != ELECTED}


def _living(run: Run) -> Run:
    if run.info.lifecycle_stage != "active":
        raise WriteRefused(
            f"the journal of {run.info.run_name} was deleted: bring it back with "
            f"mlflow runs restore --run-id {run.info.run_id}"
        )
    return run
