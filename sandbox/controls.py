"""The World page: every simulator with its people, and buttons for things that go wrong in real life.

Each button does what the simulator's control API (`/_control`, see `sandbox.core`) does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from aiohttp import web

from sandbox.core import Fault, Simulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.slack.client import HEADERS, from_own_page
from sandbox.slack.drawing import PAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.slack.server import SlackSimulator


class SimulatedWorld(Protocol):
    """What the page needs of `sandbox.world.World`."""

    slack: SlackSimulator
    platforms: dict[str, OAuthSimulator]
    passed: timedelta

    @property
    def simulators(self) -> Sequence[Simulator]:
        """Every simulator once, Slack first."""

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass for every platform and for the app."""

    async def let_it_notice(self) -> timedelta:
        """Let time pass until the app has used every sign-in again; return how much."""

    async def come_to_day(self, platform: OAuthSimulator, day: int) -> timedelta:
        """Let time pass until the newest sign-in at `platform` is `day` days old; return how much."""


SPANS = {
    "20m": timedelta(minutes=20),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "53d": timedelta(days=53),
}
"""How much time each button lets pass. 20 minutes, because a refused token is tried again after 15."""
HOUR, HOURS = timedelta(hours=1), 6
OUTAGE = Fault(status=503, body='{"error": "the sandbox was asked to be out of order"}')
SLACK_OUTAGE = Fault(path="^/api/", status=503, body='{"ok": false, "error": "service_unavailable"}')
"""Only the Web API, because the web client is on the same server."""


def control_routes(world: SimulatedWorld) -> list[web.RouteDef]:
    """Return the World page's routes."""
    page = Controls(world)
    return [
        web.get("/world", page.show),
        web.post("/world/time", page.wait),
        web.post("/world/{simulator}/{action}", page.act),
    ]


class Controls:
    """Draws the World page and handles its buttons."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._actions: dict[str, Callable[[Simulator, str], Awaitable[str]]] = {
            "outage": self._outage,
            "recover": self._recover,
            "revoke": self._revoke,
            "expire": self._expire,
            "measure": self._measure,
            "uninstall": self._uninstall,
            "notice": self._notice,
            "warning": self._warning,
        }
        self._unnoticed: set[str] = set()
        """Platforms where something happened that they report to nobody, since time last passed."""

    async def show(self, request: web.Request) -> web.Response:
        """Answer with the page."""
        slack = self._world.slack
        platforms = [s for s in self._world.simulators if isinstance(s, OAuthSimulator)]
        text = PAGES.get_template("world.html").render(
            done=request.query.get("done", ""),
            world=self._world,
            slack=slack,
            platforms=platforms,
            title=lambda p: p.products or p.title,
            living=lambda p, person: sum(
                g.person.id == person.id and not g.dead and bool(g.access) for g in p.grants.values()
            ),
            unnoticed=self._unnoticed,
            out=lambda s: any(f is OUTAGE or f is SLACK_OUTAGE for f in s.faults),
            installed=[w for w in slack.state.workspaces.values() if slack.state.installation_for(w.id)],
            spans={key: _spelled(span) for key, span in SPANS.items()},
            passed=_spelled(self._world.passed) if self._world.passed else "",
            complaints=slack.state.complaints[-8:],
        )
        return web.Response(text=text, content_type="text/html", headers=HEADERS)

    async def act(self, request: web.Request) -> web.Response:
        """Do what a button says, and show the page again with a sentence about the result."""
        from_own_page(request, "application/x-www-form-urlencoded")
        name = request.match_info["simulator"]
        simulator = next((s for s in self._world.simulators if s.name == name), None)
        action = self._actions.get(request.match_info["action"])
        if simulator is None or action is None:
            raise web.HTTPNotFound
        form = await request.post()
        try:
            done = await action(simulator, str(form.get("what", "")))
        except ValueError as refusal:
            done = f"Nothing happened: {refusal}."
        raise web.HTTPSeeOther(f"/world?{urlencode({'done': done})}#{name}")

    async def wait(self, request: web.Request) -> web.Response:
        """Let time pass everywhere, and say how much."""
        from_own_page(request, "application/x-www-form-urlencoded")
        span = SPANS.get(str((await request.post()).get("what", "")))
        if span is None:
            raise web.HTTPBadRequest(text="Press one of the buttons.")
        self._unnoticed.clear()
        # In steps, so that the app notices an outage more than once in six hours.
        for _ in range(steps := max(1, min(HOURS, span // HOUR))):
            await self._world.pass_time(span / steps)
        done = f"{_spelled(span)} went by, at every platform and for Octapost."
        raise web.HTTPSeeOther(f"/world?{urlencode({'done': done})}#time")

    async def _outage(self, simulator: Simulator, _: str) -> str:
        fault = SLACK_OUTAGE if simulator is self._world.slack else OUTAGE
        if fault not in simulator.faults:
            simulator.faults.insert(0, fault)
        if simulator is self._world.slack:
            return "Slack's Web API now answers 503."
        return f"{_called(simulator)}'s whole server now answers 503. Let hours pass: nobody should get a message."

    async def _recover(self, simulator: Simulator, _: str) -> str:
        simulator.faults.clear()
        return f"{_called(simulator)} works again."

    async def _revoke(self, simulator: Simulator, person: str) -> str:
        told = await self._control(simulator, "revoke", {"person": person})
        done = f"{_person(simulator, person)}'s permission ended, as if they had removed the app themselves."
        if 200 in [*told.get("webhooks", ()), *told.get("callbacks", ())]:
            return f"{done} {_called(simulator)} has told Octapost: look in Slack."
        return f"{done} {self._to_be_noticed(simulator)}"

    def _to_be_noticed(self, simulator: Simulator) -> str:
        self._unnoticed.add(simulator.name)
        return f"{_called(simulator)} tells nobody: Octapost finds it out when it next looks, once a day."

    async def _notice(self, simulator: Simulator, _: str) -> str:
        if simulator.name not in self._unnoticed or not isinstance(simulator, OAuthSimulator):
            raise ValueError("there is nothing to find out there")
        self._unnoticed.clear()
        passed = await self._world.let_it_notice()
        return f"{_spelled(passed)} went by, and Octapost looked at {_called(simulator)}. Look in Slack."

    async def _warning(self, simulator: Simulator, _: str) -> str:
        if not isinstance(simulator, OAuthSimulator) or simulator.warning_day is None:
            raise ValueError("no sign-in there ends by itself")
        passed = await self._world.come_to_day(simulator, simulator.warning_day)
        self._unnoticed.clear()
        return f"{_spelled(passed)} went by. {_called(simulator)}'s sign-in has a week left: look in Slack."

    async def _expire(self, simulator: Simulator, person: str) -> str:
        await self._control(simulator, "expire", {"person": person})
        done = f"{_person(simulator, person)}'s access tokens expired."
        if isinstance(simulator, OAuthSimulator) and simulator.nothing_renews(person):
            return f"{done} {self._to_be_noticed(simulator)}"
        return done

    async def _measure(self, simulator: Simulator, what: str) -> str:
        """Do to a person's accounts what the platform can do; `what` is the button's label and the person."""
        label, _, person = what.partition("/")
        if not isinstance(simulator, OAuthSimulator) or person not in simulator.people:
            raise ValueError("nobody of that name is there")
        done = simulator.act(label, simulator.people[person])
        return f"{_called(simulator)}: {done}. {self._to_be_noticed(simulator)}"

    async def _uninstall(self, simulator: Simulator, team: str) -> str:
        found = self._world.slack.state.installation_for(team)
        if found is None:
            raise ValueError("the app is not installed there")
        await self._control(simulator, "uninstall", {"where": found.team_id or found.enterprise_id})
        whole = " and its whole organization" if found.is_enterprise_install else ""
        return f"Octapost was removed from {self._world.slack.state.workspaces[team].name}{whole}."

    async def _control(self, simulator: Simulator, name: str, given: dict[str, Any]) -> dict[str, Any]:
        action = simulator.controls().get(name)
        if action is None:
            raise ValueError(f"{_called(simulator)} has no control called {name}")
        answer: dict[str, Any] = await action(given)
        return answer


def _spelled(span: timedelta) -> str:
    for size, unit in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if span >= size:
            count = round(span / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "No time"


def _called(simulator: Simulator) -> str:
    return simulator.called or str(getattr(simulator, "title", "It"))


def _person(simulator: Simulator, person: str) -> str:
    if not isinstance(simulator, OAuthSimulator) or person not in simulator.people:
        raise ValueError("nobody of that name is there")
    return f"{_called(simulator)}: {simulator.people[person].name}"
