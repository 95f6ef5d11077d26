"""What each event of the log says in words, for a person at a terminal.

To have another event said in words is one more row in `SAYINGS`; one without a row is shown by its
name and its fields. `docs/observe.md` lists every event with its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Saying:
    """How one kind of event reads.

    Attributes:
        text: with the event's fields in braces; one that the event lacks reads `?`.
        reason: fields of which the first that is there follows after a colon.
        advice: what to do, a line of its own.
        passing: how it reads where the event's field `passing` is true; None: the same.
    """

    text: str
    reason: tuple[str, ...] = ()
    advice: str = ""
    passing: "Saying | None" = None

    def of(self, event: Mapping[str, object]) -> "Saying":
        """How that event reads."""
        return self.passing if self.passing is not None and event.get("passing") else self


_SERVES_ON: Final = "Whatever served goes on serving."

SAYINGS: Final[Mapping[str, Saying]] = {
    # The service itself.
    "listening_grpc": Saying("Listening for gRPC on {address}"),
    "listening": Saying("Listening on {url}; follows {models} of MLflow at {mlflow}"),
    "console": Saying("The console is at {url}"),
    "limits": Saying("Room for {connections} connections with {descriptors} file descriptors"),
    "setting_unknown": Saying("{message}"),
    "model_environment_absent": Saying(
        "Variables that models should have are not set: {variables}",
        advice="Set them, or take them out of PODIUM_MODEL_ENVIRONMENT.",
    ),
    "api_keys_read": Saying("API keys were read: {names}"),
    "api_keys_unreadable": Saying(
        "The file of API keys cannot be used", ("message",), "The keys known before stay valid."
    ),
    "stopping": Saying(
        "Stopping: accepts requests for {delay_seconds} s, then takes up to {drain_seconds} s to "
        "finish them; a second Ctrl-C ends it at once"
    ),
    "stopped": Saying("Stopped: {finished} requests finished in {drain_seconds} s, {cut} cut off"),
    "crashed": Saying("Podium failed and ends", advice="This is a defect of Podium: report it."),
    # Versions.
    "looked": Saying("The registry answered in {seconds} s"),
    "look_failed": Saying("MLflow gave no usable answer", ("message", "code"), _SERVES_ON),
    "look_recovered": Saying("MLflow answers again"),
    "alias_missing": Saying("{slot}: the alias is gone", ("message", "code")),
    "model_missing": Saying("{slot}: the model is gone", ("message", "code")),
    "alias_look_failed": Saying(
        "{slot}: MLflow gave no usable answer about it", ("message", "code")
    ),
    "staging": Saying("{model} version {version} is being fetched, checked and loaded"),
    "environment_building": Saying(
        "{model} version {version} gets an environment of its own: {step}"
    ),
    "environment_found": Saying(
        "{model} version {version} has an environment of its own: Python {python}, {packages} "
        "packages ({seconds} s)"
    ),
    "environment_stood_in": Saying(
        "{model} version {version} runs in Podium's own environment",
        ("message",),
        "It may answer otherwise than where it was logged; `podium status` says more.",
    ),
    "staging_abandoned": Saying("{model} version {version} is no longer wanted"),
    "swapped": Saying("{slot} now serves version {version}, before: {previous} ({seconds} s)"),
    "serves_last_known_good": Saying("{slot} serves version {version}, its last known good one"),
    "baked": Saying("{slot}: version {version} is proven", ("message",)),
    "unproven": Saying("{slot}: version {version} is watched for longer", ("message",)),
    "not_brought_back": Saying(
        "{slot}: version {version}, which was proven last, cannot be loaded beside what bakes",
        ("message", "code"),
        "Until it is, nothing can give way to it.",
    ),
    "gave_way": Saying(
        "{slot} serves version {to} again: version {version} did worse",
        ("message", "code"),
        "It is not tried again until the alias moves, or by `podium reload {slot} --again`.",
    ),
    "emptied": Saying("{slot} no longer serves anything; it served version {version}"),
    "version_refused": Saying(
        "{slot}: version {version} is refused",
        ("message", "code"),
        f"{_SERVES_ON} Move the alias to a version that passes, or mend what is said here and run "
        "`podium reload {slot}`.",
        Saying(
            "{slot}: version {version} does not serve yet",
            ("message", "code"),
            f"{_SERVES_ON} It is not the version's fault, and is tried again by itself; `podium "
            "reload {slot}` tries it now.",
        ),
    ),
    "withdrawn": Saying(
        "{slot}: version {version} is withdrawn, and requests are answered with 410", ("message",)
    ),
    "slot_held": Saying("{slot} stays on what it serves", ("message",)),
    "slot_released": Saying("{slot} follows its alias again"),
    "version_unblocked": Saying("{slot}: version {version} is not blocked any more"),
    "shadow_began": Saying("{slot}: version {version} ({alias}) hears of {percent}% of requests"),
    "shadow_ended": Saying("{slot}: version {version} ({alias}) hears of requests no more"),
    "shadow_failed": Saying(
        "{slot}: version {version} cannot hear of requests", ("message", "code"), _SERVES_ON
    ),
    "prepared": Saying("{slot}: version {version} is ready, should the alias move there"),
    "not_prepared": Saying(
        "{slot}: version {version} could not be made ready", ("message", "code"), _SERVES_ON
    ),
    "preparation_ended": Saying("{slot}: version {version} is not kept ready", ("reason",)),
    "tombstone_failed": Saying(
        "A withdrawal cannot be kept for the next start: {file}",
        ("code",),
        "Make PODIUM_HOME writable; it is tried again with each look.",
    ),
    "arm_followed": Saying("{slot} is followed: a tag names it as an arm"),
    "arm_left": Saying("{slot} is followed no more: no tag names it as an arm"),
    "tag_wrong": Saying(
        "{slot}: the model's tag {tag} cannot be done as it stands",
        ("message",),
        "What it said before is in force still; `podium split` and `podium shadow` write tags.",
    ),
    "tags_unknown": Saying("{model} has tags that nothing reads: {tags}", ("message",)),
    "tags_late": Saying("{slot} is steered by tags that are seen late", ("message",)),
    "traffic_shared": Saying("{slot}: requests go elsewhere from now on", ("message",)),
    "slot_found": Saying("{slot} is followed: it matches a pattern of PODIUM_MODELS"),
    "slot_gone": Saying("{slot} is no longer followed: the registry has no such model and alias"),
    "patterns_unmatched": Saying("Patterns have found nothing: {patterns}", ("message",)),
    "patterns_matched": Saying("Every pattern of PODIUM_MODELS has found something"),
    "slots_left_out": Saying(
        "{count} models and aliases are not served", ("message",), "Raise PODIUM_MAX_SLOTS."
    ),
    "loaded_on_demand": Saying("{model} version {version} was loaded for a request ({seconds} s)"),
    "not_loaded_on_demand": Saying(
        "{model} version {version} could not be loaded for a request",
        ("message", "code"),
        "It is tried again; `podium status` says more.",
    ),
    "let_go": Saying("{model} version {version} made room for another; it is loaded when asked"),
    "retired": Saying("{model} version {version} has ended: no slot uses it any more"),
    "history_failed": Saying(
        "{slot}: the version it serves could not be noted for the next start", ("message", "code")
    ),
    "ledger_not_written": Saying(
        "The ledger cannot be written", ("reason",), "Make PODIUM_HOME writable, with room in it."
    ),
    "ledger_written_again": Saying("The ledger is written again"),
    "ledger_lines_left_out": Saying("{message} There are {count}."),
    "events_lost": Saying(
        "Events do not reach their receiver, and are lost",
        ("message", "code"),
        "podium_events_total counts them; they are not sent again.",
    ),
    "events_sent_again": Saying("Events reach their receiver again"),
    # Processes.
    "host_died": Saying(
        "A process of {model} version {version} died", ("reason",), "Another one takes its place."
    ),
    "host_ended": Saying("A process of {model} version {version} has ended, as it should"),
    "host_not_started": Saying(
        "A process of {model} version {version} could not be started", ("message", "code")
    ),
    "zygote_died": Saying(
        "The process that others are forked from died", ("reason",), "All are started again."
    ),
    "comparer_ended": Saying("The process that compares answers has ended", ("reason",)),
    "comparer_output": Saying("The process that compares answers printed", ("line",)),
    "decoder_ended": Saying("The reader of large bodies ended over one", ("reason",)),
    "forwarder_ended": Saying("The sender of models' traces ended", ("reason",)),
    "traces_failed": Saying("Models' traces do not reach MLflow", ("message", "code")),
    "traces_sent_again": Saying("Models' traces reach MLflow again"),
    "zygote_output": Saying("The process that others are forked from printed", ("line",)),
    "model_output": Saying("{model} version {version} printed", ("line",)),
    "decoder_output": Saying("The reader of large bodies printed", ("line",)),
    "forwarder_output": Saying("The sender of models' traces printed", ("line",)),
    "inspector_output": Saying("The inspector of artifacts printed", ("line",)),
    "registry_output": Saying("MLflow's client printed", ("line",)),
    # Requests.
    "request": Saying("{slot} {route}: {code} by version {version}, {rows} rows, {ms} ms"),
    "connections_ended": Saying("Connections were ended: {reasons}"),
    "webhook_delivered": Saying("MLflow's webhook was delivered: {outcome}"),
    "webhook_refused": Saying("A delivery of MLflow's webhook is refused", ("code",)),
    # Defects.
    "internal": Saying("A request met a defect of Podium"),
    "background_failed": Saying("Work beside requests failed: {task}", ("message",)),
    "tick_failed": Saying("Following the registry failed; it goes on"),
    "slot_failed": Saying("{slot}: following its alias failed; it goes on"),
    "library": Saying("{logger}", ("message",)),
    "log_lines_dropped": Saying(
        "{count} lines of the log were dropped: stderr was not read in time"
    ),
}
