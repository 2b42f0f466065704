"""Fixtures of the stories' tests: the product in its world, and the golden run (tests/golden)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.application import EITHER, Office, open_either_office, open_office
from tests.databases import postgres
from tests.golden.record import Record, name_of, recorded, recorded_in, rewrite, writing
from tests.golden.recording import Said, said_in, settle

__all__ = ["postgres"]

PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test itself passed: a failed one is not compared."""
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


class Golden:
    """Compares what each test of this process says with the record, or rewrites the record."""

    def __init__(self, *, write: bool) -> None:
        self.record = Record()
        self._write = write
        self._written: dict[str, list[Said]] = {}

    def check(self, test: str, office: Office) -> None:
        """Fail if a test says something else than its record; where it is rewritten, than on the other database."""
        sayings = said_in(office)
        if self._write and test not in self._written:
            self.record.keep(test, sayings)
            self._written[test] = sayings
        if differences := self.record.differences(test, sayings):
            pytest.fail(f"What the app says differs from tests/golden/kept.\n{differences}", pytrace=False)

    def end(self, collected: Mapping[str, bool]) -> None:
        """Write what this process ran, if it is to be written, and forget what is not recorded any more."""
        if self._write:
            rewrite(self._written, collected)


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Iterator[Golden]:
    """Give the golden run."""
    found = Golden(write=writing())
    yield found
    found.end(recorded_in(request.session.items))


async def compared(request: pytest.FixtureRequest, golden: Golden, office: Office) -> None:
    """Compare what a test that passed made the app say, unless it is marked as `unrecorded`."""
    if request.node.stash.get(PASSED, False) and recorded(request.node):
        await settle(office)
        golden.check(name_of(request.node.name), office)


@pytest_asyncio.fixture
async def office(request: pytest.FixtureRequest, golden: Golden, tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product on SQLite, in its world; `parametrize("office", ..., indirect=True)` adds settings."""
    async with AsyncExitStack() as stack:
        found = await open_office(tmp_path, stack, getattr(request, "param", None))
        yield found
        await compared(request, golden, found)


@pytest_asyncio.fixture(params=EITHER)
async def either_office(
    request: pytest.FixtureRequest, golden: Golden, tmp_path: Path
) -> AsyncIterator[Office]:
    """Give the product in its world on SQLite and, where every try is made, on PostgreSQL."""
    async with AsyncExitStack() as stack:
        found = await open_either_office(request, tmp_path, stack)
        yield found
        await compared(request, golden, found)
