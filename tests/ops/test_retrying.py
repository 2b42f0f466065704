"""Retries of what must not be lost."""

from __future__ import annotations

import time

import pytest

from bot.ops.retrying import retry


class Flaky:
    """Work that fails a number of times before it succeeds."""

    def __init__(self, failures: int) -> None:
        self.failures, self.tries, self.told = failures, 0, list[str]()

    async def work(self) -> int:
        self.tries += 1
        if self.tries <= self.failures:
            raise ConnectionError(f"try {self.tries}")
        return self.tries

    def failed(self, error: Exception) -> None:
        self.told.append(str(error))


async def test_it_returns_what_the_first_success_returns_and_tells_of_each_failure() -> None:
    flaky = Flaky(failures=2)

    result = await retry(flaky.work, on=OSError, until=time.monotonic() + 60, failed=flaky.failed)

    assert result == 3
    assert flaky.told == ["try 1", "try 2"]


async def test_after_its_time_the_last_failure_is_raised() -> None:
    flaky = Flaky(failures=9)

    with pytest.raises(ConnectionError) as raised:
        await retry(flaky.work, on=OSError, until=time.monotonic() + 0.1, failed=flaky.failed)

    assert flaky.tries < flaky.failures
    assert flaky.told[-1] == str(raised.value) == f"try {flaky.tries}"


async def test_another_failure_is_not_tried_again() -> None:
    flaky = Flaky(failures=1)

    with pytest.raises(ConnectionError):
        await retry(flaky.work, on=KeyError, until=time.monotonic() + 60, failed=flaky.failed)

    assert (flaky.tries, flaky.told) == (1, [])
