"""Which gates the settings ask for."""

from collections.abc import Callable, Collection

from service.config.settings import Settings
from service.contract.contract import RequestLimits
from service.following.gates.compatible import CompatibleGate
from service.following.gates.environment import EnvironmentGate
from service.following.gates.example import ExampleGate
from service.following.gates.gate import Gates
from service.following.gates.requirements import RequirementsGate
from service.following.gates.signature import SignatureGate
from service.following.gates.tags import TagsGate
from service.following.gates.trust import TrustGate
from service.following.history import History
from service.inspector.front import Inspector
from service.processes.front.child import Forks
from service.processes.front.output import OnLine


def gates_of(
    settings: Settings,
    forks: Forks,
    history: History,
    variables_of: Callable[[str], Collection[str]],
    on_line: OnLine,
) -> Gates:
    """Every gate of a service.

    `variables_of` is asked for the names of those that a model's hosts have; `on_line` is told what
    processes that look at artifacts print.
    """
    limits = RequestLimits(max_rows=settings.max_rows)
    signature = SignatureGate(limits, allow_unsigned=settings.allow_unsigned)
    trust = [TrustGate(Inspector(forks, on_line))] if settings.trust == "no-pickle" else []
    asked = settings.requirements
    requirements = RequirementsGate(refuse=asked == "refuse", ignore=asked == "ignore")
    breaking = settings.allow_breaking
    return Gates(
        of_version=(
            signature,
            *trust,
            requirements,
            EnvironmentGate(variables_of),
            ExampleGate(),
        ),
        of_slot=(CompatibleGate(signature.describe, history, allow_breaking=breaking),),
        of_tags=TagsGate(settings.require_tags),
    )
