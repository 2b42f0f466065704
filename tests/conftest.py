"""Plumbing for pytest itself; what tests need of the product stands beside those tests."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import structlog
import uvloop
from structlog.dev import ConsoleRenderer, plain_traceback

COLLECT_AFTER = 50_000
"""New objects between two garbage collections; Python's 700 are a fifth of the run's time."""

MEMORY, ENOUGH = Path("/dev/shm"), 2 << 30  # noqa: S108 - pytest makes folders of its own in it
"""A folder in memory, where Linux has one, and how much room a run needs there: a thousand small databases."""

COMPILED = Path(__file__).parent.parent / "bot" / "__pycache__"
ONE_BY_ONE = "OCTAPOST_TESTS_COLLECT_ONE_BY_ONE"
"""Set by the process that starts the workers, for those: the file that they lock while they collect."""


def interrupted(_number: int, _frame: object) -> NoReturn:
    """End the run, as Python's own handler of Ctrl-C does.

    If the handler is Python's own, each start of an event loop puts one of its own in its place, and the `signal`
    module then writes out the whole task, with all its arguments: a hundredth of the run's time.
    """
    raise KeyboardInterrupt


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """Let only one worker collect at a time where nothing is compiled yet.

    Compiling takes 10 s of CPU. Each worker would do it; this way the others find what the first one compiled.
    """
    if ONE_BY_ONE not in os.environ:
        yield
        return
    with Path(os.environ[ONE_BY_ONE]).open(encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory, keep compiled modules, and print tracebacks as they are.

    Whatever PYTHONDONTWRITEBYTECODE says: without compiled modules each worker and each child process
    compiles everything again, for up to ten seconds. A traceback drawn in boxes takes seconds too.
    """
    if not hasattr(config, "workerinput") and not COMPILED.exists():
        os.environ[ONE_BY_ONE] = __file__
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # httpcore looks for this package with every request; here it is not installed, and that is known at once.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("TMPDIR", str(MEMORY))
        tempfile.tempdir = None
    signal.signal(signal.SIGINT, interrupted)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # as in production
    for each in structlog.get_config()["processors"]:
        if isinstance(each, ConsoleRenderer):
            each.exception_formatter = plain_traceback


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while modules are imported, and never look again at what they left."""
    gc.disable()
    try:
        with in_turn():
            return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what passing tests counted with `record_property("counted", ...)`, from every worker."""
    counted = sorted(
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "counted" and report.when == "call"
    )
    if counted:
        terminalreporter.section("counted")
        for line in counted:
            terminalreporter.line(line)
