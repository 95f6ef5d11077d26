"""What a validation is given from around it: the policy's data, and the run that keeps it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.config.addresses import MlflowAddresses
from service.local.passing_folder import passing_folder
from service.origin import Origin
from service.refs import BadRef
from service.registry.writer.faults import asked
from service.registry.writer.writer import RegisteredVersion, Writer
from service.validation.findings import Verdict
from service.validation.policy.reading import PolicyInForce
from service.validation.quality.evaluation_data import BadData, EvaluationData
from service.validation.quality.own_metrics import BadMetric
from service.validation.quality.places import DataPlaces
from service.validation.quality.slices import BadSlice
from service.validation.record.trial_record import RecordedVersion, TrialRecord
from service.validation.record.validation_run import ValidationRun
from service.validation.trial_run import TrialFindings
from service.validation.validating import TrialScope

MEANT_WRONGLY: Final[Mapping[type[Exception], str]] = {
    BadRef: "bad_ref",
    BadData: "bad_data",
    BadSlice: "bad_slice",
    BadMetric: "bad_metric",
}
"""What is raised for a policy that asks for what there is not, and a code for it."""
_LOGGED_MODEL: Final = "models:/m-"


def data_of(
    writer: Writer, in_force: PolicyInForce, addresses: MlflowAddresses
) -> Callable[[RegisteredVersion], EvaluationData | None]:
    """What brings the policy's data for a version; raises `BadData` and `Unreachable`."""

    def find(version: RegisteredVersion) -> EvaluationData | None:
        if in_force.policy.data is None:
            return None
        with passing_folder() as folder:
            places = DataPlaces(
                folder, run_of(writer, version), addresses.tracking, addresses.registry
            )
            return places.find(in_force)

    return find


def run_of(writer: Writer, version: RegisteredVersion) -> str | None:
    """The id of the run that has made the version; None if the registry names none."""
    found = asked(
        lambda: writer.client.get_model_version(version.name, version.number),
        f"READ on the model {version.name}",
    )
    return found.run_id or None


def record_of(
    writer: Writer, in_force: PolicyInForce, settings: Mapping[str, Any], origin: Origin
) -> Callable[[TrialScope], "RunRecord"]:
    """What makes the run of a validation; `settings` are those in force, without secrets."""
    return lambda scope: RunRecord(writer, in_force, settings, origin, scope)


class RunRecord:
    """`service.validation.validating.ValidationRecord`: the one run of MLflow's."""

    def __init__(
        self,
        writer: Writer,
        in_force: PolicyInForce,
        settings: Mapping[str, Any],
        origin: Origin,
        scope: TrialScope,
    ) -> None:
        self._in_force = in_force
        self._settings = settings
        self._scope = scope
        version = scope.version
        made_by, model_id = run_of(writer, version), model_id_of(version.source)
        self._version = RecordedVersion(version.name, version.number, made_by, model_id)
        self._run = ValidationRun(writer, in_force, self._version, origin)

    def begin(self) -> str:
        """Makes the run; its id."""
        return self._run.begin()

    def keep(self, findings: TrialFindings) -> None:
        """Everything that was found."""
        against = self._scope.against
        fetched = findings.fetched
        self._run.keep(
            TrialRecord(
                version=self._version,
                against=None if against is None else RecordedVersion(self._version.name, against),
                in_force=self._in_force,
                judgements=findings.judgements,
                digest=None if fetched is None else fetched.digest,
                data=self._scope.data,
                quality=findings.quality,
                load=findings.load,
                settings=self._settings,
            )
        )

    def finish(self, verdict: Verdict) -> None:
        """It is complete."""
        self._run.finish(verdict)

    def abandon(self, error: BaseException) -> None:
        """It ends as KILLED or FAILED."""
        self._run.abandon(error)


def model_id_of(source: str) -> str | None:
    """MLflow's logged model of a version: its source is `models:/m-...` then."""
    name = source.removeprefix(_LOGGED_MODEL)
    return f"m-{name}" if source.startswith(_LOGGED_MODEL) and "/" not in name else None
