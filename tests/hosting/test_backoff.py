"""When replacements pause, and when waiting for one is given up."""

from service.hosting.backoff import RestartBackoff


def test_first_deaths_are_replaced_at_once() -> None:
    """Three in a row may be chance, of each host."""
    backoff = RestartBackoff(hosts=2)
    for _ in range(6):
        backoff.died()
        assert (backoff.bearable, backoff.pause) == (True, 0.0)
    backoff.died()
    assert (backoff.bearable, backoff.pause) == (False, 1.0)


def test_pauses_grow_up_to_half_a_minute() -> None:
    """1, 2, 4 and so on, in seconds."""
    backoff = RestartBackoff(hosts=1)
    for _ in range(3):
        backoff.died()
    pauses = []
    for _ in range(7):
        backoff.died()
        pauses.append(backoff.pause)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_answer_ends_a_row_of_deaths() -> None:
    """Whatever came before it."""
    backoff = RestartBackoff(hosts=1)
    for _ in range(10):
        backoff.died()
    backoff.answered()
    assert (backoff.bearable, backoff.pause) == (True, 0.0)


def test_replacement_that_fails_is_not_excused() -> None:
    """Nobody waits for the next one; a success puts it right."""
    backoff = RestartBackoff(hosts=1)
    backoff.died()
    backoff.not_replaced(passing=False)
    assert (backoff.bearable, backoff.pause) == (False, 2.0)
    backoff.replaced()
    assert (backoff.bearable, backoff.pause) == (True, 0.0)


def test_replacement_that_was_killed_is_one_more_death() -> None:
    """It tells nothing of the version, so the next one is waited for."""
    backoff = RestartBackoff(hosts=1)
    backoff.died()
    backoff.not_replaced(passing=True)
    assert (backoff.bearable, backoff.pause) == (True, 0.0)
    for _ in range(2):
        backoff.not_replaced(passing=True)
    assert (backoff.bearable, backoff.pause) == (False, 1.0)


def test_p7_deaths_of_long_ago_are_no_row_with_the_next_one() -> None:
    """A host that nobody asks dies once a night: each time it is replaced at once."""
    now = 0.0
    backoff = RestartBackoff(1, lambda: now)
    for _ in range(30):
        now += 24 * 3600
        backoff.died()
        assert (backoff.bearable, backoff.pause) == (True, 0.0)


def test_p7_replacement_that_starts_ends_a_row_of_those_that_could_not() -> None:
    """What kept them from it has passed."""
    backoff = RestartBackoff(hosts=1)
    backoff.died()
    for _ in range(10):
        backoff.not_replaced(passing=True)
    assert backoff.pause == 30.0
    backoff.replaced()
    backoff.died()
    assert (backoff.bearable, backoff.pause) == (True, 0.0)


def test_p7_pause_after_a_thousand_deaths_is_half_a_minute() -> None:
    """And no number that is too large to be one."""
    backoff = RestartBackoff(hosts=1)
    for _ in range(2000):
        backoff.died()
    assert backoff.pause == 30.0
