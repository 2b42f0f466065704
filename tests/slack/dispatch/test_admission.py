"""Requests wait their turn, and what can't be answered in time is refused, whatever the clocks say."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.slack.dispatch.admission import (
    BEATS_S,
    FIRST_GUESS_S,
    GIVEN_UP_S,
    STALLED_S,
    WINDOW_S,
    Admission,
    Age,
)

SOON_S = 0.7
"""Of which a tenth of a second is left to wait."""


def stamp(seconds_ago: float = 0.0, clock_off_by: float = 0.0) -> str:
    """Return what Slack signs, as seen by a host whose clock is off."""
    return str(int(time.time() + clock_off_by - seconds_ago))


@pytest.mark.parametrize("clock_off_by", [-240.0, 0.0, 240.0])
async def test_a_wrong_clock_drops_nothing_that_is_fresh(clock_off_by: float) -> None:
    admission = Admission(at_once=0)

    dropped = [admission.given_up(stamp(clock_off_by=clock_off_by)) for _ in range(100)]

    assert not any(dropped)


@pytest.mark.parametrize("clock_off_by", [-240.0, 0.0, 240.0])
async def test_what_slack_has_given_up_on_is_dropped_while_requests_wait(clock_off_by: float) -> None:
    admission = Admission(at_once=0)
    admission.given_up(stamp(clock_off_by=clock_off_by))

    fresh = admission.given_up(stamp(seconds_ago=2, clock_off_by=clock_off_by))
    old = admission.given_up(stamp(seconds_ago=GIVEN_UP_S + 1, clock_off_by=clock_off_by))

    assert (fresh, old) == (False, True)


async def test_nothing_is_dropped_for_its_age_while_nothing_waits() -> None:
    admission = Admission()
    admission.given_up(stamp())

    assert not admission.given_up(stamp(seconds_ago=240))


async def test_what_waited_while_the_process_stood_still_is_dropped() -> None:
    admission = Admission()
    admission.given_up(stamp())
    await asyncio.sleep(0)

    time.sleep(BEATS_S + STALLED_S + 0.1)  # noqa: ASYNC251 - standing still is what is tried
    await asyncio.sleep(0.05)

    assert admission.given_up(stamp(seconds_ago=GIVEN_UP_S + 1))
    assert not admission.given_up(stamp())


async def test_socket_modes_payloads_have_no_age() -> None:
    assert not Admission(at_once=0).given_up("")


def test_an_age_counts_from_the_freshest_request_of_the_last_minutes() -> None:
    age = Age()

    assert age.of(1000.0, now=10.0) == 0
    assert age.of(1000.0, now=15.0) == 5
    assert age.of(1000.0 + WINDOW_S, now=WINDOW_S + 12.0) == 2
    assert age.of(1000.0 + 2.5 * WINDOW_S, now=2.5 * WINDOW_S + 11.0) == 0
    assert age.of(1000.0 + 4 * WINDOW_S, now=4 * WINDOW_S + 15.0) == 4


def test_a_clock_that_was_set_while_nothing_came_makes_nothing_old() -> None:
    age = Age()
    age.of(1000.0, now=10.0)

    assert age.of(1000.0 + 3 * WINDOW_S - 60.0, now=10.0 + 3 * WINDOW_S) == 0


async def test_turns_are_taken_in_order_and_left_for_the_next() -> None:
    admission, order = Admission(at_once=1), list[int]()

    async def one(number: int) -> None:
        assert await admission.enter(5)
        order.append(number)
        await asyncio.sleep(0)
        admission.leave(0.1)

    await asyncio.gather(*(one(number) for number in range(10)))

    assert order == [*range(10)]


async def test_whoever_waited_too_long_is_refused_and_takes_nobodys_turn() -> None:
    admission = Admission(at_once=1)
    assert await admission.enter(SOON_S)
    began = time.monotonic()

    refused = await admission.enter(SOON_S)
    waited_s = time.monotonic() - began
    admission.leave(0.1)

    assert not refused
    assert waited_s >= SOON_S - 2 * FIRST_GUESS_S - 0.01
    assert await admission.enter(SOON_S)


async def test_whoever_comes_when_too_many_wait_hears_so_at_once() -> None:
    admission = Admission(at_once=10)
    for _ in range(10):
        await admission.enter(2.5)
    waiting = [asyncio.ensure_future(admission.enter(2.5)) for _ in range(100)]
    await asyncio.sleep(0)

    refused = sum(each.done() and not each.result() for each in waiting)
    for _ in waiting:
        admission.leave(0.1)
    in_time = sum(await asyncio.gather(*waiting))

    assert 20 < refused < 60
    assert in_time == 100 - refused


async def test_a_process_that_has_become_slow_lets_fewer_wait() -> None:
    admission = Admission(at_once=10)
    for _ in range(100):
        await admission.enter(2.5)
        admission.leave(2.0)
    for _ in range(10):
        await admission.enter(2.5)
    waiting = [asyncio.ensure_future(admission.enter(2.5)) for _ in range(100)]
    await asyncio.sleep(0)

    refused = sum(each.done() and not each.result() for each in waiting)
    for _ in waiting:
        admission.leave(0.1)
    await asyncio.gather(*waiting)

    assert refused > 90


async def test_a_request_that_is_cancelled_while_it_waits_takes_nobodys_turn() -> None:
    admission = Admission(at_once=1)
    assert await admission.enter(SOON_S)
    waiting = asyncio.ensure_future(admission.enter(5))
    await asyncio.sleep(0)

    admission.leave(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await admission.enter(SOON_S)
