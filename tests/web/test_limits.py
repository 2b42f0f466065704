"""How often a browser may ask: by address, and by the secret it carries."""

from __future__ import annotations

import time

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from bot.web.limits import MOST_KEYS, RateLimiter, client_address

PER_MINUTE = 60


class Clock:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> RateLimiter:
    return RateLimiter(PER_MINUTE, clock=clock)


@pytest.mark.parametrize(
    ("headers", "proxies", "address"),
    [
        ([], 0, "203.0.113.9"),
        (["1.1.1.1"], 0, "203.0.113.9"),
        ([], 1, "203.0.113.9"),
        (["1.1.1.1"], 1, "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1, 10.0.0.1"], 2, "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1", "10.0.0.1"], 2, "1.1.1.1"),
        (["6.6.6.6", "1.1.1.1"], 1, "1.1.1.1"),
        (["1.1.1.1"], 2, "1.1.1.1"),
        ([" , ,"], 1, "203.0.113.9"),
        (["no address"], 1, "unknown"),
        (["1.1.1.1:50123"], 1, "1.1.1.1"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::9]"], 1, "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::9]:50123"], 1, "2001:db8:1:2::/64"),
        (["::ffff:1.1.1.1"], 1, "1.1.1.1"),
    ],
)
def test_the_address_to_count_by_is_what_the_outermost_trusted_proxy_saw(
    headers: list[str], proxies: int, address: str
) -> None:
    sent = CIMultiDict(("X-Forwarded-For", each) for each in headers)
    request = make_mocked_request("GET", "/", headers=sent).clone(remote="203.0.113.9")

    assert client_address(request, proxies) == address


def test_a_minute_lets_so_many_through_and_says_how_long_the_rest_must_wait(
    gate: RateLimiter, clock: Clock
) -> None:
    waits = []
    for _ in range(PER_MINUTE + 3):
        waits.append(gate.hit("a"))
        clock.now_s += 0.1

    assert waits[:PER_MINUTE] == [0] * PER_MINUTE
    assert waits[PER_MINUTE:] == [54, 54, 54]
    assert gate.hit("b") == 0


def test_whoever_waits_as_long_as_told_gets_through(gate: RateLimiter, clock: Clock) -> None:
    for _ in range(PER_MINUTE):
        gate.hit("a")
    clock.now_s += 30

    clock.now_s += gate.hit("a")
    first = gate.hit("a")
    clock.now_s += gate.hit("a")

    assert first == 0
    assert gate.hit("a") == 0


def test_no_sliding_minute_lets_many_more_through_than_the_limit(gate: RateLimiter, clock: Clock) -> None:
    passed_at: list[float] = []
    for _ in range(6000):
        if not gate.hit("a"):
            passed_at.append(clock.now_s)
        clock.now_s += 0.1

    most = max(sum(begin <= each < begin + 60 for each in passed_at) for begin in passed_at)

    assert most <= PER_MINUTE * 1.1
    assert len(passed_at) >= PER_MINUTE * 9


def test_a_host_clock_set_back_an_hour_keeps_nobody_out_for_longer_than_a_minute(
    gate: RateLimiter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    while not gate.hit("a"):
        pass
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)

    refused = gate.hit("a")
    clock.now_s += 60

    assert 0 < refused <= 60
    assert gate.hit("a") == 0


def test_any_number_of_addresses_takes_a_bounded_number_of_keys(clock: Clock) -> None:
    gate = RateLimiter(PER_MINUTE, clock=clock)
    for number in range(3 * MOST_KEYS):
        gate.hit(str(number))
    most = len(gate)

    clock.now_s += 120
    gate.hit("a")

    assert most == MOST_KEYS
    assert len(gate) == 1
