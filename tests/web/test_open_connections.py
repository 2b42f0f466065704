"""Which connection has to go, and when: decided by a clock that the test sets."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

import pytest

from bot.web.open_connections import (
    ARRIVES_WITHIN_S,
    BODIES_TOGETHER,
    FEWEST_CONNECTIONS,
    MOST_CONNECTIONS,
    TIME_LIMITS_S,
    OpenConnections,
    Phase,
    connection_limit,
)


@dataclass(eq=False, kw_only=True)
class Client:
    """A connection that remembers whether it was closed."""

    closing: bool = False
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass(kw_only=True)
class Table:
    """A table of connections and its clock."""

    limit: int = 100
    time: float = 0.0
    table: OpenConnections = field(init=False)

    def __post_init__(self) -> None:
        self.table = OpenConnections(self.limit, lambda: self.time)

    def client(self, *phases: Phase, at: float = 0.0) -> Client:
        """Return a new connection that has come through `phases`."""
        self.time = at
        client = Client()
        self.table.open(client)
        for phase in phases:
            self.table.enter(client, phase)
        return client


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase in TIME_LIMITS_S])
def test_each_phase_ends_after_its_time(phase: Phase) -> None:
    one = Table()
    client = one.client(*([] if phase is Phase.HEAD else [phase]))

    one.table.sweep(TIME_LIMITS_S[phase] - 0.1)
    assert not client.aborted
    one.table.sweep(TIME_LIMITS_S[phase])

    assert client.aborted
    assert len(one.table) == 0


def test_what_we_take_to_answer_is_not_held_against_the_client() -> None:
    one = Table()
    client = one.client(Phase.ANSWER)

    one.table.sweep(3600.0)

    assert not client.aborted


def test_each_phase_has_its_time_anew() -> None:
    one = Table()
    client = one.client()
    one.time = 9.0
    one.table.enter(client, Phase.BODY)

    one.table.sweep(18.0)

    assert not client.aborted


def test_a_connection_that_nobody_finishes_closing_is_closed() -> None:
    one = Table()
    client = one.client(Phase.ANSWER)
    client.closing = True

    one.table.sweep(0.0)
    one.table.sweep(TIME_LIMITS_S[Phase.CLOSING])

    assert client.aborted


def test_when_full_the_oldest_unfinished_request_goes_first() -> None:
    one = Table(limit=4)
    idle, answered = one.client(Phase.IDLE), one.client(Phase.ANSWER)
    body, head = one.client(Phase.BODY, at=1.0), one.client(at=2.0)

    one.client(at=2.0 + ARRIVES_WITHIN_S)
    assert [client.aborted for client in (idle, answered, body, head)] == [False, False, True, False]
    one.client(at=2.5 + ARRIVES_WITHIN_S)

    assert [client.aborted for client in (idle, answered, body, head)] == [False, False, True, True]


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.CLOSING, Phase.TAKING])
def test_when_full_of_answered_connections_a_request_that_arrives_is_not_what_goes(phase: Phase) -> None:
    one = Table(limit=3)
    answered = [one.client(phase, at=float(n)) for n in range(3)]

    fresh = [one.client(at=10.0), one.client(at=10.0)]

    assert [client.aborted for client in answered] == [True, True, False]
    assert not any(client.aborted for client in fresh)


def test_when_full_those_that_only_close_go_before_those_that_may_ask_again() -> None:
    one = Table(limit=3)
    taking, idle, closing = one.client(Phase.TAKING), one.client(Phase.IDLE), one.client(Phase.CLOSING)

    one.client()
    assert [client.aborted for client in (taking, idle, closing)] == [False, False, True]
    one.client()

    assert [client.aborted for client in (taking, idle, closing)] == [False, True, True]


def test_when_everybody_is_being_answered_the_newcomer_goes() -> None:
    one = Table(limit=2)
    answered = [one.client(Phase.ANSWER), one.client(Phase.ANSWER)]

    fresh = one.client()

    assert fresh.aborted
    assert not any(client.aborted for client in answered)


def test_unfinished_bodies_have_a_limit_together() -> None:
    one = Table()
    clients = [one.client(Phase.BODY, at=float(n)) for n in range(9)]

    for client in clients:
        one.table.hold(client, BODIES_TOGETHER // 8)

    assert [client.aborted for client in clients] == [True, *[False] * 8]


def test_a_body_that_is_complete_or_gone_is_not_counted() -> None:
    one = Table()
    for n in range(50):
        client = one.client(Phase.BODY)
        one.table.hold(client, BODIES_TOGETHER)
        if n % 2:
            one.table.close(client)
        else:
            one.table.enter(client, Phase.ANSWER)
            one.table.hold(client, BODIES_TOGETHER)
        assert not client.aborted


def test_what_was_dropped_does_not_come_back() -> None:
    one = Table()
    client = one.client()
    one.table.drop(client, "test")

    one.table.enter(client, Phase.IDLE)
    one.table.close(client)

    assert len(one.table) == 0
    assert one.table.phase(client) is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(256, FEWEST_CONNECTIONS, id="hardly any"),
        pytest.param(1024, 274, id="usual"),
        pytest.param(1 << 20, MOST_CONNECTIONS, id="plenty"),
        pytest.param(resource.RLIM_INFINITY, MOST_CONNECTIONS, id="unlimited"),
    ],
)
def test_the_limit_follows_the_files_that_a_process_may_open(files: int, expected: int) -> None:
    assert connection_limit(files) == expected
