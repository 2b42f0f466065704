"""The publishing engine under faults in virtual time, and whether the simulation notices a broken one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.simulation.running import Total, days
from tests.counts import in_full, tries
from tests.mutants import MUTANTS, Mutant, caught

SEEDS = tries(40, 1)
MOST_SEEDS = 60
"""A mutant that lives through so many days counts as not noticed."""


def test_nothing_is_doubled_lost_or_sent_against_a_decision(
    record_property: Callable[[str, object], None],
) -> None:
    total, wrong = Total(), []
    for report in days(1, SEEDS):
        total.add(report)
        wrong += [f"seed {report.seed}: {each}" for each in report.violations]

    record_property("counted", " ".join(total.lines()))
    assert wrong == []
    assert total.counts["live"] > SEEDS


@in_full
def test_the_same_seed_is_the_same_day() -> None:
    [once], [again] = list(days(9, 1)), list(days(9, 1))

    assert once.history == again.history
    assert once.history


@in_full
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
async def test_a_broken_engine_is_noticed(
    tmp_path: Path, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    seen = await caught(mutant, tmp_path, 1, MOST_SEEDS)

    record_property("counted", f"{mutant}: seed {seen}")
    assert seen
