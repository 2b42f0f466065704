"""Plumbing for pytest itself; what tests need of the product stands beside those tests."""

from __future__ import annotations

import pytest


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
