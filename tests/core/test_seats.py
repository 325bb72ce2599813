"""The seats of one worker: who gets one, whom it is for, and how long it takes until one falls free."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import ModelBusy
from core.seats import Seat, Seats


def test_a_seat_is_taken_once_and_left_once() -> None:
    seats = Seats(1, [0])
    seat = Seat(seats)
    for _ in range(2):
        seat.take()
    assert seats.free == 0
    assert seat.held_s is not None
    with pytest.raises(ModelBusy):
        Seat(seats).take()
    for _ in range(2):
        seat.leave()
    assert seats.free == 1
    assert seat.held_s is None
    Seat(seats).take()


def test_who_stands_in_line_goes_first() -> None:
    seats = Seats(2, [0, 1])
    seats.joined_line(1)
    with pytest.raises(ModelBusy):
        Seat(seats).take()
    assert seats.reserve(5) == 2
    Seat(seats, taken=True).leave()
    assert seats.free == 1


@pytest.mark.parametrize(
    ("ahead", "all_seats", "seconds"),
    [(1, 2, 40), (2, 2, 40), (3, 2, 80), (4, 2, 80), (4, 4, 40), (5, 4, 80), (1, 0, 40)],
)
def test_the_wait_is_known_from_when_seats_were_taken(ahead: int, all_seats: int, seconds: float) -> None:
    """Here they were all taken just now; two of them are ours."""
    seats = Seats(2, [0])
    for _ in range(2):
        Seat(seats).take()
    assert seats.wait_s(ahead, all_seats, 40.0) == pytest.approx(seconds, abs=5)


def test_a_seat_that_is_overdue_may_still_take_a_little() -> None:
    seats = Seats(1, [0])
    Seat(seats).take()
    assert 0 < seats.wait_s(1, 1, 1e-9) < 1e-9


async def test_a_line_is_looked_at_when_somebody_joins_it_or_a_seat_falls_free() -> None:
    seats = Seats(1, [0, 1])
    seat = Seat(seats)
    seat.take()
    seats.joined_line(0)
    await asyncio.wait_for(seats.stirred(0, 60), 30)
    seat.leave()
    for partition in (0, 1):
        await asyncio.wait_for(seats.stirred(partition, 60), 30)
    seats.give_back(not_for=0)
    await asyncio.wait_for(seats.stirred(1, 60), 30)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(seats.stirred(0, 60), 0.05)
