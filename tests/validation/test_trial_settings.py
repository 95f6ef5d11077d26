"""By which settings a version is judged: those of the service, but for what a trial cannot have."""

from service.config.settings import load_settings
from service.validation.trial.version_on_trial import for_trial


def test_trial_is_not_asked_for_the_verdict_that_it_is_to_give() -> None:
    """Every other demand of the service stays."""
    given = load_settings(
        {
            "models": "iris@champion",
            "resident": 1,
            "require_validation": "true",
            "require_tags": "validation_status=passed,reviewed=yes",
            "trust": "no-pickle",
            "hosts": 3,
        }
    )
    found = for_trial(given, "validation_status")
    assert found.models == ()
    assert found.require_validation == "false"
    assert dict(found.require_tags) == {"reviewed": "yes"}
    assert found.resident is None
    assert (found.trust, found.hosts) == ("no-pickle", 3)
