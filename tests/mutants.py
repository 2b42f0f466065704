"""Engines that are broken on purpose, to show that the simulation notices."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys
from bot.process import set_log_level
from sandbox.simulation.running import days
set_log_level("CRITICAL")
for day in days(int(sys.argv[1]), int(sys.argv[2])):
    if day.violations:
        print(day.seed, day.violations[0])
        break
"""
DELIVERIES, POLICY = "storage/deliveries.py", "bot/services/posts/policy.py"
DELIVERING, SENDING = "bot/services/posts/delivering.py", "bot/services/posts/sending.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault: in `path`, `after` stands where `before` was."""

    name: str
    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return self.name


MUTANTS = [
    Mutant(
        name="sending is not committed before the call",
        path=DELIVERIES,
        before="status=DeliveryStatus.SENDING,\n            lease_until=now(LEASE),",
        after="lease_until=now(LEASE),",
    ),
    Mutant(
        name="a step that is not found is sent again",
        path=POLICY,
        before="case Outcome.NOT_SENT:",
        after="case Outcome.NOT_SENT | Outcome.NOT_FOUND:",
    ),
    Mutant(
        name="a step without an answer is not looked up",
        path=DELIVERING,
        before="        if unclear:",
        after="        if unclear and False:",
    ),
    Mutant(
        name="a post that is late goes out",
        path=DELIVERING,
        before="-due_in > LATE_AFTER",
        after="-due_in > 99 * LATE_AFTER",
    ),
    Mutant(
        name="a person is asked after one look",
        path=POLICY,
        before="looks + 1 < len(LOOKS)",
        after="looks + 1 < 1",
    ),
    Mutant(
        name="the generation is not checked",
        path=DELIVERIES,
        before="col(Delivery.id) == delivery.id, col(Delivery.generation) == delivery.generation",
        after="col(Delivery.id) == delivery.id",
    ),
    Mutant(
        name="a decision leaves the generation as it is",
        path="storage/delivery_decisions.py",
        before="generation=col(Delivery.generation) + 1,",
        after="",
    ),
    Mutant(
        name="nobody is asked about what can't be read",
        path=POLICY,
        before="        case Outcome.NOT_FOUND if",
        after="        case Outcome.UNREADABLE:\n            return Judgement(verdict=Verdict.FAIL)\n"
        "        case Outcome.NOT_FOUND if",
    ),
    Mutant(
        name="a lost answer is a failure",
        path=SENDING,
        before="return await self._unknown(work, error.code)",
        after="return await self._refused(work, row, step, Rejected('lost'))",
    ),
    Mutant(
        name="a fault of ours during the call means that nothing was sent",
        path=SENDING,
        before='return await self._unknown(work, "unexpected")',
        after="return await self._refused(work, row, step, Rejected('unexpected'))",
    ),
    Mutant(
        name="what the platform accepted counts as live",
        path=POLICY,
        before="case Outcome.PROCESSING if since < PROCESSED_WITHIN:",
        after="case Outcome.PROCESSING if since < 0 * PROCESSED_WITHIN:",
    ),
    Mutant(
        name="the lease is not renewed",
        path=DELIVERING,
        before="await Deliveries(session, self._vault).renew(delivery)",
        after="pass",
    ),
    Mutant(
        name="a lease keeps nobody away",
        path=DELIVERIES,
        before=".values(lease_until=now(LEASE), generation=col(Delivery.generation) + 1)",
        after=".values(generation=col(Delivery.generation) + 1)",
    ),
    Mutant(
        name="a hold does not stop what is scheduled",
        path="storage/holds.py",
        before="col(Delivery.status).in_(BEFORE_SENDING),",
        after='col(Delivery.status) == "nothing",',
    ),
    Mutant(
        name="an edit keeps the generation",
        path="storage/post_edits.py",
        before="row.generation += 1",
        after="pass",
    ),
]


async def caught(mutant: Mutant, folder: Path, first: int, most: int) -> str:
    """Return what the simulation says about a mutant, within so many seeds from `first` on. Empty: nothing."""
    tree = folder / "tree"
    for package in ("adapters", "bot", "sandbox", "storage"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = tree / mutant.path
    source = file.read_text()
    if source.count(mutant.before) != 1:
        raise AssertionError(f"{mutant}: {source.count(mutant.before)} places")
    file.write_text(source.replace(mutant.before, mutant.after))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, str(first), str(most)),
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0].decode().strip()
    if process.returncode:
        raise AssertionError(f"{mutant}: exit status {process.returncode}")
    return printed
