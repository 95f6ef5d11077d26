"""What requests hold is bounded over all of them, and given back."""

import pytest

from service.errors import Overloaded
from service.predicting.request import HeldBytes, RequestShare


def test_bytes_beyond_the_bound_are_refused_until_others_are_given_back() -> None:
    """However many requests hold them."""
    held = HeldBytes(100)
    first, second = RequestShare(held), RequestShare(held)
    first.take(60)
    second.take(40)
    with pytest.raises(Overloaded):
        RequestShare(held).take(1)
    first.release()
    RequestShare(held).take(60)

    assert held.total == 100


def test_one_alone_is_taken_whatever_its_length() -> None:
    """The bound is one of many, not of each."""
    held = HeldBytes(100)
    RequestShare(held).take(200)
    other = RequestShare(held)
    other.take_piece(150)
    other.take_piece(150)

    assert held.total == 500


def test_pieces_leave_half_of_the_bound_to_others() -> None:
    """However many arrive."""
    held = HeldBytes(100)
    for _ in range(5):
        RequestShare(held).take_piece(10)
    with pytest.raises(Overloaded):
        RequestShare(held).take_piece(1)
    RequestShare(held).take(50)

    assert held.total == 100


def test_released_twice_is_released_once() -> None:
    """What was exchanged, too."""
    held = HeldBytes(100)
    one, other = RequestShare(held), RequestShare(held)
    one.take(10)
    other.take_piece(20)
    other.exchange(90)
    assert held.total == 100
    for _ in range(2):
        one.release()
        other.release()

    assert held.total == 0
