"""Counts of requests: fronts add up, and of the proven version the last ones are taken."""

from service.rollout.outcomes import Block, Outcomes, Tally, recent
from service.rollout.verdict import Sample


def _ended(outcomes: Outcomes, requests: int, failed: int = 0) -> None:
    for number in range(requests):
        if number < failed:
            outcomes.failed("model_failed")
        else:
            outcomes.requests += 1
            if outcomes.requests >= outcomes.full:
                outcomes.fill()


def test_p20_tallies_of_two_fronts_add_up() -> None:
    """As if one had had all requests."""
    fronts = [Outcomes(), Outcomes(), Outcomes()]
    for outcomes in fronts[:2]:
        _ended(outcomes, 130, failed=13)
        outcomes.tried(spared=True)
        outcomes.failed("invalid_input")
        outcomes.asked(taken=True)
        _ended(fronts[2], 130, failed=13)
        fronts[2].tried(spared=True)
        fronts[2].failed("invalid_input")
        fronts[2].asked(taken=True)
    assert fronts[0].tally + fronts[1].tally == fronts[2].tally
    assert fronts[2].tally - fronts[0].tally == fronts[1].tally


def test_p20_spared_share_is_taken_from_all_failures() -> None:
    """Ten of twenty were tried, and half of these fail with the proven version, too."""
    tally = Tally(requests=100, failed=20, tried=10, spared=5)
    assert tally.sample == Sample(90, 10)


def test_p20_refusals_that_break_clients_are_requests_and_failures() -> None:
    """As many as the share of those that the proven version was shown."""
    tally = Tally(requests=100, refused=40, asked=20, taken=10)
    assert tally.sample == Sample(120, 20)


def test_p20_only_the_last_thousand_requests_are_compared_with() -> None:
    """What failed before that is forgotten."""
    outcomes = Outcomes()
    _ended(outcomes, 500, failed=500)
    _ended(outcomes, 1000, failed=10)
    assert recent(outcomes.blocks) == Sample(1000, 10)


def test_p20_fewer_requests_are_all_compared_with() -> None:
    """Those of a hundred that is not full, too."""
    outcomes = Outcomes()
    _ended(outcomes, 250, failed=3)
    assert recent(outcomes.blocks) == Sample(250, 3)


def test_p20_newest_blocks_of_all_fronts_are_taken() -> None:
    """Whoever had them."""
    old = [Block(at, Sample(100, 100)) for at in range(10)]
    new = [Block(at, Sample(100, 1)) for at in range(10, 20)]
    assert recent([*new[::2], *old, *new[1::2]]) == Sample(1000, 10)


def test_p20_each_hundredth_request_is_told() -> None:
    """While somebody looks."""
    outcomes, told = Outcomes(), []
    outcomes.reached = lambda: told.append(outcomes.requests)
    _ended(outcomes, 250, failed=50)
    assert told == [100, 200]


def test_overload_and_strange_codes_are_nothing() -> None:
    """Neither a request nor a failure of the version's."""
    outcomes = Outcomes()
    for code in ("overloaded", "withdrawn", "client_gone", "internal", "not_loaded"):
        outcomes.failed(code)
    assert outcomes.tally == Tally()
