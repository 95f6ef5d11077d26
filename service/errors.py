"""The errors that clients meet and that versions fail with, free of any framework.

The tree, by whose fault it is::

    ServiceError
    |-- ClientError                 the request cannot be answered as it was sent
    |   |-- InvalidInput            fields that do not fit the signature, all of them
    |   |-- UnsupportedMediaType
    |   |-- BodyTooLarge
    |   |-- BodyTooSlow             its rest did not come in time
    |   |-- Undecodable             reading the body takes more than anybody may use
    |   |-- BrokenEncoding          it is not compressed as it says
    |   |-- DeliveryRefused         a webhook's delivery that is not acted upon
    |   |   |-- DeliveryForged      no signature by the secret that both sides share
    |   |   |-- DeliveryExpired     signed too long ago, or in the future
    |   |   |-- DeliveryRepeated    it has come before
    |   |   `-- DeliveryUnreadable  signed rightly, and no event
    |   |-- Unauthorized            no key or token that is known came with it
    |   |-- Forbidden               nobody may, or not with this key
    |   |-- RateExceeded            the key asks more often than it may
    |   `-- UnknownModel
    |       |-- NotThereYet         a pattern would follow it, and the registry has none
    |       |-- UnknownVersion      the registry has the model, maybe, and no such version
    |       `-- NotPrepared         nobody has asked to make that version ready
    |-- NotNow                      the same request may succeed later
    |   |-- NoServable
    |   |   `-- NotLoaded           loaded on demand, and not now
    |   `-- Overloaded
    |-- Withdrawn                   an operator has withdrawn what would answer
    |-- PredictionFailed            the request was taken and gave no answer
    |   |-- ModelFailed
    |   |   `-- ModelRaisedMlflow   with an error code of MLflow's
    |   `-- PredictionTimedOut
    `-- FollowingError              a version could not be brought into service
        |-- VersionFault            this version can never serve; it is quarantined (P13)
        `-- PassingFault            not the version's fault; tried again with growing pauses (P13)

What a room raises for itself (`BadSettings`, `FrameError`, `GateClosed`, ...) stands there.

`code` is stable and meant for programs, the message is safe to show to anybody: it never holds a
value or a key that a client has sent (P14). HTTP statuses are given to these in `service.http`.
"""

from dataclasses import dataclass
from typing import ClassVar


class ServiceError(Exception):
    """The root: a stable code and a message that is safe to show."""

    code: ClassVar[str] = "internal"

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self)


class ClientError(ServiceError):
    """The request cannot be answered as it was sent; sending it again changes nothing."""

    code = "bad_request"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: where, what was expected, and a stable type.

    `loc` uses the signature's names and positions in the request, never a key of the client's own.
    """

    loc: tuple[str | int, ...]
    msg: str
    type: str


class InvalidInput(ClientError):
    """The body does not fit the model's signature; `errors` names everything wrong at once.

    Or a header of the request is not what it may be, which the `message` says then.
    """

    code = "invalid_input"

    def __init__(
        self,
        errors: tuple[FieldError, ...],
        message: str = "The request does not fit the model's signature.",
    ) -> None:
        super().__init__(message)
        self.errors = errors


class UnsupportedMediaType(ClientError):
    """The body's media type is not one that the route reads."""

    code = "unsupported_media_type"


class BodyTooLarge(ClientError):
    """The body is longer than the service accepts."""

    code = "body_too_large"


class BodyTooSlow(ClientError):
    """The rest of the body did not come in time; the connection is closed."""

    code = "body_too_slow"


class Undecodable(ClientError):
    """Reading the body takes more memory or time than is allowed, or ends whoever reads it."""

    code = "undecodable"


class BrokenEncoding(ClientError):
    """The body is not, whole and alone, what its `Content-Encoding` says: `coding`, by its name."""

    code = "broken_encoding"

    def __init__(self, coding: str) -> None:
        super().__init__(
            f"The body is not {coding}, whole and with nothing behind it, as Content-Encoding says."
        )


class DeliveryRefused(ClientError):
    """A webhook's delivery that is not acted upon."""

    code = "delivery_refused"


class DeliveryForged(DeliveryRefused):
    """Without a signature, or by another secret than the service's."""

    code = "delivery_forged"


class DeliveryExpired(DeliveryRefused):
    """Signed too long ago, or by a clock that is ahead."""

    code = "delivery_expired"


class DeliveryRepeated(DeliveryRefused):
    """A delivery of that id has been taken before."""

    code = "delivery_repeated"


class DeliveryUnreadable(DeliveryRefused):
    """Signed rightly, and not an event as MLflow writes it."""

    code = "delivery_unreadable"


class Unauthorized(ClientError):
    """The route asks for a bearer key or token, and none that it knows came with the request."""

    code = "unauthorized"


class Forbidden(ClientError):
    """The service was not set up to allow this to anybody."""

    code = "forbidden"


class RateExceeded(ClientError):
    """The key asks more often than it may; it has a request again after `retry_after` seconds."""

    code = "rate_exceeded"

    def __init__(self, retry_after: int) -> None:
        super().__init__("This key asks more often than it may.")
        self.retry_after = retry_after


class UnknownModel(ClientError):
    """No slot of this service has that name."""

    code = "unknown_model"


class NotThereYet(UnknownModel):
    """A pattern of this service would follow it as soon as the registry has it."""

    code = "not_there_yet"


class UnknownVersion(UnknownModel):
    """The registry has no such version of the model, and nothing is known of one here."""

    code = "unknown_version"


class NotPrepared(UnknownModel):
    """Nobody has asked to make a version ready for that model and alias, or not lately."""

    code = "not_prepared"


class NotNow(ServiceError):
    """The same request may succeed after `retry_after` seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoServable(NotNow):
    """Nothing can answer for the slot: no version, or no process of the one that was bound."""

    code = "no_servable"


class NotLoaded(NoServable):
    """The version is loaded when it is asked, and that takes too long or has failed."""

    code = "not_loaded"


class Overloaded(NotNow):
    """More is waiting than the service holds, or the request waited until its deadline."""

    code = "overloaded"


class Withdrawn(ServiceError):
    """An operator has withdrawn what would answer: no other try changes that (P23)."""

    code = "withdrawn"

    def __init__(self) -> None:
        super().__init__("What this model served has been withdrawn by its operator.")


class PredictionFailed(ServiceError):
    """The request was valid and gave no answer."""

    code = "prediction_failed"


class ModelFailed(PredictionFailed):
    """The model raised, ended its process, or answered something that cannot be encoded."""

    code = "model_failed"


class ModelRaisedMlflow(ModelFailed):
    """The model raised an exception of MLflow's; `error_code` is the name of its code.

    MLflow's own protocol keeps what that means; everywhere else the model has failed.
    """

    def __init__(self, message: str, error_code: str) -> None:
        super().__init__(message)
        self.error_code = error_code


class PredictionTimedOut(PredictionFailed):
    """The model took longer than the service allows."""

    code = "prediction_timed_out"


class FollowingError(ServiceError):
    """A version could not be brought into service; `stage` says where it stopped.

    `reason` is a stable code, the message a fixed sentence, `detail` free text for the log alone.
    """

    def __init__(self, stage: str, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.stage = stage
        self.reason = reason
        self.detail = detail


class VersionFault(FollowingError):
    """The version's own fault: quarantined until the alias moves or an operator asks (P13)."""

    code = "version_fault"


class PassingFault(FollowingError):
    """The fault of something else (registry, network, disk, memory): tried again (P13).

    `longest_pause` is how long the pauses between tries grow, in seconds.
    """

    code = "passing_fault"
    longest_pause: float = 60.0
