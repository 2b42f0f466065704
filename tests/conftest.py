"""Plumbing for pytest itself; what tests need of the product stands beside those tests."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest

COLLECT_AFTER = 50_000
"""New objects between two garbage collections; Python's 700 are a fifth of the run's time."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while modules are imported, and never look again at what they left."""
    gc.disable()
    try:
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
