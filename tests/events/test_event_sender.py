"""Events are sent in their order by a thread of their own, bounded in number, tries and time."""

import threading

import pytest

from service.events.event import Event
from service.events.event_faults import EventFault
from service.events.event_forms import EventMessage
from service.events.event_sender import PAUSES, Answered, EventSender, NotAnswered
from tests.events.receiving import SECONDS, Heard, event


class Written:
    """Events as their ids and the time of the try."""

    def message(self, event: Event, now: int) -> EventMessage:
        """The id is all."""
        return EventMessage({"now": str(now)}, event.id.encode())


class Scripted:
    """A receiver in the test's hand: `answers` in turn, then 200; it waits at its gate."""

    def __init__(self, *answers: Answered | EventFault) -> None:
        self.answers = list(answers)
        self.tried: list[tuple[str, float]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, message: EventMessage, seconds: float) -> Answered:
        """The next answer."""
        self.tried.append((message.body.decode(), seconds))
        self.entered.release()
        assert self.gate.wait(SECONDS)
        answer = self.answers.pop(0) if self.answers else Answered(200)
        if isinstance(answer, EventFault):
            raise NotAnswered(answer)
        return answer

    @property
    def ids(self) -> list[str]:
        """Of what was tried."""
        return [tried for tried, _ in self.tried]

    def wait(self) -> None:
        """Returns when a try has begun."""
        assert self.entered.acquire(timeout=SECONDS)


class Sending:
    """A sender, and everything around it; pauses are noted and not waited for."""

    def __init__(self, post: Scripted, most_waiting: int = 100) -> None:
        self.post = post
        self.heard = Heard()
        self.pauses: list[float] = []
        self.now = 0.0
        self.sender = EventSender(
            post,
            Written(),
            self.heard,
            most_waiting=most_waiting,
            pause=self.pauses.append,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def offer(self, *numbers: int) -> list[str]:
        """Their ids."""
        events = [event(number) for number in numbers]
        for each in events:
            self.sender.offer(each)
        return [each.id for each in events]


def test_events_are_sent_in_their_order() -> None:
    """Each once."""
    sending = Sending(Scripted())
    ids = sending.offer(1, 2, 3)
    assert sending.heard.next(3) == ["sent"] * 3
    assert sending.post.ids == ids


def test_offering_waits_for_nobody() -> None:
    """The receiver hangs: what is offered meanwhile returns at once, and is sent after."""
    sending = Sending(Scripted())
    sending.post.gate.clear()
    first = sending.offer(1)
    sending.post.wait()
    rest = sending.offer(2, 3)
    assert (sending.post.ids, sending.heard.is_empty) == (first, True)
    sending.post.gate.set()
    assert sending.heard.next(3) == ["sent"] * 3
    assert sending.post.ids == first + rest


def test_where_too_many_wait_the_oldest_is_lost_and_counted() -> None:
    """The newest is nearest to how things are."""
    sending = Sending(Scripted(), most_waiting=2)
    sending.post.gate.clear()
    ids = sending.offer(0)
    sending.post.wait()
    ids += sending.offer(1, 2, 3, 4)
    assert sending.heard.next(2) == ["dropped events_too_many"] * 2
    sending.post.gate.set()
    assert sending.heard.next(3) == ["sent"] * 3
    assert sending.post.ids == [ids[0], ids[3], ids[4]]


@pytest.mark.parametrize(
    "answer", [Answered(500), Answered(429), EventFault.UNREACHABLE, EventFault.TIMED_OUT]
)
def test_what_may_pass_is_tried_again_by_the_same_id(answer: Answered | EventFault) -> None:
    """After growing pauses."""
    sending = Sending(Scripted(answer, answer))
    (sent,) = sending.offer(1)
    assert sending.heard.next() == ["sent"]
    assert (sending.post.ids, sending.pauses) == ([sent] * 3, [1.0, 2.0])


def test_event_that_nobody_takes_is_lost_after_its_last_try_and_the_next_is_sent() -> None:
    """About a minute later."""
    sending = Sending(Scripted(*[Answered(503)] * (len(PAUSES) + 1)))
    sending.offer(1, 2)
    assert sending.heard.next(2) == ["failed events_failed", "sent"]
    assert sending.pauses == list(PAUSES)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answered(301), "events_redirected"),
        (Answered(401), "events_refused"),
        (Answered(410), "events_refused"),
        (EventFault.NOT_TRUSTED, "events_not_trusted"),
    ],
)
def test_what_no_try_mends_is_lost_at_once(answer: Answered | EventFault, fault: str) -> None:
    """One try each."""
    sending = Sending(Scripted(answer))
    sending.offer(1)
    assert sending.heard.next() == [f"failed {fault}"]
    assert (len(sending.post.ids), sending.pauses) == (1, [])


@pytest.mark.parametrize(("wished", "pause"), [(7.0, 7.0), (0.5, 1.0), (86400.0, 60.0)])
def test_receiver_is_left_alone_for_as_long_as_it_says_within_reason(
    wished: float, pause: float
) -> None:
    """A minute at most."""
    sending = Sending(Scripted(Answered(429, wished)))
    sending.offer(1)
    assert sending.heard.next() == ["sent"]
    assert sending.pauses == [pause]


def test_each_try_is_bounded() -> None:
    """Also where the end is near."""
    sending = Sending(Scripted())
    sending.offer(1)
    sending.heard.next()
    assert [seconds for _, seconds in sending.post.tried] == [10.0]


def test_end_sends_what_waits() -> None:
    """It returns once that is done."""
    sending = Sending(Scripted())
    sending.post.gate.clear()
    sending.offer(1, 2)
    sending.post.wait()
    sending.post.gate.set()
    sending.sender.close(SECONDS)
    assert sending.heard.next(2) == ["sent"] * 2
    assert sending.heard.is_empty


def test_end_tries_each_once_and_no_pause_holds_it_up() -> None:
    """The sender's own pause is cut short by it."""
    post, heard = Scripted(*[Answered(500)] * 3), Heard()
    sender = EventSender(post, Written(), heard)
    sender.offer(event(1))
    post.wait()  # and then it waits for a second try
    sender.offer(event(2))
    sender.close(SECONDS)
    assert heard.next(2) == ["failed events_failed"] * 2
    assert len(post.ids) == 3


def test_end_waits_for_no_receiver_that_hangs_and_counts_what_is_left() -> None:
    """The thread is nobody's to wait for."""
    sending = Sending(Scripted())
    sending.post.gate.clear()
    ids = sending.offer(1, 2, 3)
    sending.post.wait()
    sending.sender.close(0.01)
    assert sending.heard.next(2) == ["dropped events_stopped"] * 2
    sending.post.gate.set()
    assert sending.heard.next() == ["sent"]
    assert sending.post.ids == ids[:1]


def test_defect_of_one_delivery_keeps_no_other_from_being_sent() -> None:
    """It is told without its words, which may hold the address."""
    heard, told = Heard(), list[threading.ExceptHookArgs]()
    failures = [ValueError("https://secret.example")]

    def post(message: EventMessage, seconds: float) -> Answered:
        assert message.body
        assert seconds > 0
        if failures:
            raise failures.pop()
        return Answered(200)

    before, threading.excepthook = threading.excepthook, told.append
    try:
        sender = EventSender(post, Written(), heard, pause=lambda _: None)
        sender.offer(event(1))
        assert heard.next() == ["sent"]
    finally:
        threading.excepthook = before
    assert [str(each.exc_value) for each in told] == ["an event was not sent: ValueError"]
