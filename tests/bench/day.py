"""A day of a million grants, and a platform's outage, by the refresher's own rules on a clock that is simulated.

Nothing is called and nothing stored: `due_in`, `look_in`, `pause`, the platforms' lifetimes and budgets and the lanes'
numbers are the product's. A second is one look; two processes share the budgets.
"""

from __future__ import annotations

import random
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.base import Platform, Refresh, Tokens
from bot.services.tokens.policy import next_check_in, next_refresh_in, retry_in
from bot.services.tokens.queue import ASK_AGAIN, AT_ONCE, SILENCE
from storage.rate_limits import RateLimit
from tests.bench.benchmarks import Bench, Line
from tests.bench.refreshes import LATENCY_S
from tests.platforms import PLATFORMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIX = {
    "facebook": 0.25,
    "instagram": 0.25,
    "linkedin": 0.15,
    "x": 0.12,
    "tiktok": 0.10,
    "youtube": 0.08,
    "reddit": 0.05,
}
"""Which part of the grants is whose: an assumption, with the two Pages platforms in front."""
REFRESH_LIFE = {"tiktok": timedelta(days=180)}
"""X names none. Its access token lives two hours and is renewed when something needs it: it ends by design."""
SHORTEST_LEFT = timedelta(minutes=10)
"""So long a token was still to live when it was last looked at: a look comes five minutes later at the soonest."""
PROCESSES = 2
CAPACITY = int(PROCESSES * AT_ONCE / LATENCY_S)
FAILS = 0.01
"""The part of the calls that settles nothing, on a day like any other."""
HOUR_S = 3600
OUTAGE = 4
"""It lasts a quarter of a day."""
HERD, RECOVERED_MIN = 2.0, 15
"""The goals of the issue that asked for these numbers."""
PICTURE = "refreshes.png"


@dataclass(slots=True, kw_only=True)
class Lane:
    """One platform's grants: when each is due, and by when it must have been renewed."""

    platform: Platform
    grants: int
    seconds: int
    chance: random.Random
    due: list[list[int]] = field(init=False)
    ends: list[float] = field(init=False)
    failures: dict[int, int] = field(default_factory=dict)
    put_off: int = 0
    waiting: deque[int] = field(default_factory=deque)
    backlog: list[int] = field(default_factory=list)
    """How many are overdue, second by second: waiting for a call, or put off by one."""
    calls: list[int] = field(default_factory=list)
    late: int = 0
    ending: int = 0
    """How many tokens end while the seconds pass, unless they are renewed."""
    full_at: float = 0.0
    unanswered: int = 0
    held_until: float = 0.0
    owed: set[int] = field(default_factory=set)
    """Who was overdue when the outage ended and still is."""
    owed_at_first: int = 0
    recovered_at: int = 0
    """The second in which the last of them was renewed."""

    def __post_init__(self) -> None:
        """Let everybody have connected at some time before, so that each is somewhere in its cycle."""
        self.due = [[] for _ in range(self.seconds + 1)]
        self.ends = [float("inf")] * self.grants
        for grant in range(self.grants):
            left = self._left()
            cycle = self.cycle(self.chance.random(), self.answer(left)).total_seconds()
            gone = self.chance.random() * cycle
            if left is not None:
                self.ends[grant] = left.total_seconds() - gone
            self._look_at(grant, cycle - gone)
        self.ending = sum(end < self.seconds for end in self.ends)

    @property
    def life(self) -> timedelta | None:
        """How long the token lives that a look renews; None where none of them ends, or only a person renews it."""
        match self.platform.refresh:
            case Refresh.STATIC | Refresh.EXCHANGE:
                return self.platform.access_lifetime
            case Refresh.SINGLE_USE:
                return REFRESH_LIFE.get(self.platform.key)
            case _:
                return None

    def _left(self) -> timedelta | None:
        """Return how long a token was to live when it was last looked at.

        A look brings Reddit's and Google's a whole life, always. Meta promises no later end for a token that is
        traded up, and a person may have come back to TikTok after long: those are anywhere in theirs.
        """
        if self.life is None or self.platform.refresh is Refresh.STATIC:
            return self.life
        return max(SHORTEST_LEFT, self.life * self.chance.random())

    def answer(self, left: timedelta | None) -> Tokens:
        """Return what the platform answers when the token that a look renews lives so long."""
        single_use = self.platform.refresh is Refresh.SINGLE_USE
        return Tokens(
            access_token="access",
            refresh_token=None if self.platform.refresh is Refresh.NONE else "refresh",
            expires_in=self.platform.access_lifetime if single_use or left is None else left,
            refresh_expires_in=left if single_use else None,
        )

    @property
    def rate_limit(self) -> RateLimit:
        """The app's budget."""
        return RateLimit(calls=self.platform.budget.calls, per=self.platform.budget.per)

    def cycle(self, jitter: float, tokens: Tokens) -> timedelta:
        """Return how long it is from such an answer about a grant to the next call."""
        if tokens.refresh_token is None:
            return next_check_in(self.rate_limit, self.grants, jitter=jitter)
        return next_refresh_in(self.platform, tokens, jitter=jitter)

    @property
    def load(self) -> float:
        """Which part of the budget's steady pace is needed on a day like any other."""
        return self.grants * self.rate_limit.interval / self.cycle(0.5, self.answer(self.life))

    def run(self, *, outage: range = range(0)) -> None:
        """Let the seconds pass; during the outage no call is answered."""
        rate_limit, tokens = self.rate_limit, self.answer(self.life)
        life = float("inf") if self.life is None else self.life.total_seconds()
        between = rate_limit.interval.total_seconds()
        for second in range(self.seconds):
            self.waiting.extend(self.due[second])
            self.put_off -= sum(grant in self.failures for grant in self.due[second])
            self.due[second] = []
            self.backlog.append(len(self.waiting) + self.put_off)
            if outage and second == outage.stop:
                self.owed = {*self.waiting, *self.failures}
                self.owed_at_first = len(self.owed)
                self.recovered_at = second if not self.owed else self.seconds
            room = self._room(rate_limit, second)
            self.calls.append(room)
            self.full_at = max(self.full_at, second) + room * between
            down = second in outage
            for _ in range(room):
                grant = self.waiting.popleft()
                self.late += self.ends[grant] < second
                if down or self.chance.random() < FAILS:
                    self._put_off(grant, second)
                else:
                    cycle = self.cycle(self.chance.random(), tokens).total_seconds()
                    self._renewed(grant, second, cycle, life)
                    self._recovered(grant, second)
        self.late += sum(end < self.seconds for end in self.ends)

    def _room(self, rate_limit: RateLimit, second: int) -> int:
        if not self.waiting or second < self.held_until:
            return 0
        free = min(
            rate_limit.available(timedelta(seconds=self.full_at - second)), CAPACITY, len(self.waiting)
        )
        if self.unanswered < SILENCE:
            return free
        self.held_until = second + ASK_AGAIN.total_seconds()
        return min(free, PROCESSES)

    def _put_off(self, grant: int, second: int) -> None:
        self.unanswered += 1
        self.put_off += 1
        failed = self.failures.get(grant, 0)
        self.failures[grant] = failed + 1
        self._look_at(grant, second + retry_in(failed, None, chance=self.chance.random()).total_seconds())

    def _renewed(self, grant: int, second: int, cycle: float, life: float) -> None:
        self.unanswered = 0
        self.failures.pop(grant, None)
        self.ends[grant] = second + life
        self._look_at(grant, second + cycle)

    def _recovered(self, grant: int, second: int) -> None:
        if grant in self.owed:
            self.owed.remove(grant)
            self.recovered_at = self.seconds if self.owed else second

    def _look_at(self, grant: int, second: float) -> None:
        if second < self.seconds:
            self.due[int(second) + 1].append(grant)


async def day(one: Bench) -> list[Line]:
    """A day without trouble for all grants, and six hours without an answer for some of each platform."""
    chance = random.Random(20261124)  # noqa: S311 - the same day every time
    lanes = [
        Lane(
            platform=PLATFORMS[key],
            grants=round(part * one.plan.day_grants),
            seconds=one.plan.day_s,
            chance=chance,
        )
        for key, part in MIX.items()
    ]
    for lane in lanes:
        one.say(f"A day of {lane.grants:,} grants of {lane.platform.name}")
        lane.run()
    outage_s = one.plan.day_s // OUTAGE
    outages = [_outage(PLATFORMS[key], one.plan.outage_grants, outage_s, chance) for key in MIX]
    second = [sum(each) for each in zip(*(lane.calls for lane in lanes), strict=True)]
    draw(one.pictures / PICTURE, second, outages, outage_s)
    return [*_day_lines(one.plan.day_grants, lanes, second), *(_recovery(lane, outage_s) for lane in outages)]


def _outage(platform: Platform, grants: int, outage_s: int, chance: random.Random) -> Lane:
    lane = Lane(platform=platform, grants=grants, seconds=2 * outage_s, chance=chance)
    lane.run(outage=range(outage_s))
    return lane


def _day_lines(grants: int, lanes: Sequence[Lane], second: Sequence[int]) -> list[Line]:
    mean, late = statistics.fmean(second), sum(lane.late for lane in lanes)
    return [
        Line(
            what=f"A day of {grants:,} grants: expired before they were renewed",
            measured=f"{late:,}",
            spread=f"{sum(lane.ending for lane in lanes):,} would have, had nobody renewed them; {sum(second):,} calls",
            goal="0",
            met=late == 0,
        ),
        Line(
            what=f"A day of {grants:,} grants: the busiest second",
            measured=f"{max(second) / mean:.2f} of the mean",
            spread=f"{max(second)} calls, mean {mean:.1f}",
            goal=f"≤ {HERD:.0f}",
            met=max(second) <= HERD * mean,
        ),
    ]


def _recovery(lane: Lane, outage_s: int) -> Line:
    """Say how long after the outage the last of those that fell due in it was renewed."""
    minutes = (lane.recovered_at - outage_s) / 60
    alone = (
        max(0, lane.owed_at_first - lane.rate_limit.burst)
        * lane.rate_limit.interval
        / (1 - lane.load)
        / timedelta(minutes=1)
    )
    goal = RECOVERED_MIN if alone < RECOVERED_MIN else 1.1 * alone
    return Line(
        what=f"{outage_s / HOUR_S:.0f} h without an answer, {lane.grants:,} of {lane.platform.name}: fresh after",
        measured=f"{minutes:.1f} min",
        spread=f"{lane.owed_at_first:,} overdue, {sum(lane.calls[:outage_s]):,} calls in vain"
        + (f"; the budget alone takes {alone:.0f} min" if alone > RECOVERED_MIN else ""),
        goal=f"≤ {goal:.0f} min",
        met=minutes <= goal,
    )


def draw(path: Path, second: Sequence[int], outages: Sequence[Lane], outage_s: int) -> None:
    """Draw the day's calls, and what waits during and after the outages."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, and only for this
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1)
    _draw_day(above, second)
    _draw_outages(below, outages, outage_s)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110)


def _draw_day(axes: Axes, second: Sequence[int]) -> None:
    minutes = [second[start : start + 60] for start in range(0, len(second), 60)]
    hours = [minute / 60 for minute in range(len(minutes))]
    axes.fill_between(
        hours, list(map(min, minutes)), list(map(max, minutes)), alpha=0.35, label="quietest … busiest second"
    )
    axes.plot(hours, list(map(statistics.fmean, minutes)), linewidth=1.0, label="mean of the minute")
    axes.axhline(HERD * statistics.fmean(second), color="tab:red", linestyle="--", label="twice the mean")
    axes.set(
        title="Calls of a day",
        xlabel="hour",
        ylabel="calls per second",
        xlim=(0, len(minutes) / 60),
        ylim=(0, None),
    )
    axes.legend(loc="lower right")


def _draw_outages(axes: Axes, outages: Sequence[Lane], outage_s: int) -> None:
    for lane in outages:
        points = range(0, lane.seconds, 60)
        hours = [second / HOUR_S for second in points]
        if max(lane.backlog):
            axes.plot(hours, [lane.backlog[second] for second in points], label=lane.platform.name)
    axes.axvspan(0, outage_s / HOUR_S, color="tab:gray", alpha=0.15, label="no call is answered")
    axes.set(
        title=f"{outage_s / HOUR_S:.0f} hours without an answer, {outages[0].grants:,} grants each",
        xlabel="hour",
        ylabel="overdue grants",
        xlim=(0, 1.5 * outage_s / HOUR_S),
    )
    axes.legend(loc="upper right")
