"""The operator is called once for each trouble, and again when it comes back."""

from __future__ import annotations

import pytest

from bot.jobs.pager import QUIET_S, TOO_MANY, WINDOW_S, Pager


class Night:
    """A clock that a test moves, and the calls that were made."""

    def __init__(self) -> None:
        self.at = 0.0
        self.calls: list[tuple[str, str]] = []
        self.pager = Pager(lambda platform, code: self.calls.append((platform, code)), clock=lambda: self.at)

    def hears(self, times: int, *, answered: bool, every_s: float = 0.0) -> None:
        for _ in range(times):
            self.at += every_s
            self.pager.heard("x", answered=answered)


def test_a_trouble_is_called_about_once_while_it_lasts() -> None:
    night = Night()

    for _ in range(100):
        night.at += QUIET_S / 2
        night.pager.page("x", "invalid_client")

    assert night.calls == [("x", "invalid_client")]


def test_a_trouble_that_comes_back_is_called_about_again() -> None:
    night = Night()

    night.pager.page("x", "invalid_client")
    night.at += QUIET_S + 1
    night.pager.page("x", "invalid_client")

    assert len(night.calls) == 2


def test_each_platform_and_each_code_has_its_own_call() -> None:
    night = Night()

    for platform, code in (("x", "a"), ("x", "b"), ("reddit", "a")):
        night.pager.page(platform, code)

    assert len(night.calls) == 3


@pytest.mark.parametrize(
    ("answered", "unanswered", "called"),
    [
        pytest.param(0, TOO_MANY - 1, 0, id="too-few"),
        pytest.param(0, TOO_MANY, 1, id="enough"),
        pytest.param(5000, TOO_MANY, 0, id="a-small-share"),
        pytest.param(1000, TOO_MANY, 1, id="more-than-a-hundredth"),
        pytest.param(0, 5000, 1, id="all-of-them"),
    ],
)
def test_many_calls_without_an_answer_are_an_outage(answered: int, unanswered: int, called: int) -> None:
    night = Night()

    night.hears(answered, answered=True)
    night.hears(unanswered, answered=False)

    assert night.calls == [("x", "outage")] * called


def test_calls_of_long_ago_do_not_count() -> None:
    night = Night()

    night.hears(10 * TOO_MANY, answered=False, every_s=WINDOW_S / (TOO_MANY - 2))

    assert night.calls == []
