"""The whole world on localhost: a Slack with its client, the platforms, and the app registered with each.

Credentials are made up, fixed and public. What is entered at api.slack.com stands in `MANIFEST`; a test
keeps it equal to manifest.yml.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sandbox.controls import control_routes
from sandbox.platforms.registry import SIMULATORS
from sandbox.slack.client import client_routes
from sandbox.slack.server import SlackSimulator
from sandbox.time_machine import age

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.browser import Page
    from sandbox.core import Simulator
    from sandbox.platforms.oauth import OAuthSimulator

NOT_STARTED_YET = "http://localhost:9"
"""Where the app is until somebody says: the discard port, which refuses."""
KEYS_FILE = "vault.keys"
SECOND_LOOK = timedelta(minutes=20)
"""A refused token is asked about again after 15 minutes."""
MANIFEST: dict[str, Any] = {
    "command": "/octapost",
    "command_description": "Connect accounts, and see how they are doing",
    "usage_hint": "connect [platform] | accounts | reconnect | alerts | status | doctor | org | help",
    "bot_scopes": ["commands", "chat:write", "users:read", "team:read"],
    "shortcuts": [{"callback_id": "octapost_connect", "name": "Connect an account", "type": "global"}],
    "events": [
        "app_home_opened",
        "app_uninstalled",
        "tokens_revoked",
        "grid_migration_finished",
        "user_change",
    ],
}
"""The app as entered at api.slack.com, but for its addresses."""


class World:
    """All simulators. `async with World() as world:` starts them on free ports and stops them.

    They exist before `start`, so that a test may set knobs first. "facebook" and "instagram" are the
    same simulator, as both are Meta.
    """

    slack_client_id = "4242424242.8088088088"
    slack_client_secret = "slack-secret-of-the-sandbox-0001"
    signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"

    def __init__(self, simulators: Iterable[type[OAuthSimulator]] = SIMULATORS) -> None:
        self.slack = SlackSimulator()
        made = [each() for each in simulators]
        self.platforms: dict[str, OAuthSimulator] = {
            app.platform: each for each in made for app in each.registrations
        }
        self.app_url = NOT_STARTED_YET
        self.database: Path | None = None
        """Where the app that lives here keeps its rows."""
        self.age_app: Callable[[timedelta], Awaitable[None]] = self._age_own
        """Moves what the app has stored into the past; who keeps its rows elsewhere says how."""
        self.after_time: list[Callable[[], Awaitable[None]]] = []
        """Called when time has passed: whoever runs the app lets its clocks tick."""
        self.passed = timedelta(0)
        self.pages: list[Page] = []
        """Every page that a `Member` was shown, oldest first."""
        self.slack.mount(lambda slack: client_routes(slack, world_page="/world"))
        self.slack.mount(lambda _: control_routes(self))
        self.connect_app(self.app_url)

    @property
    def simulators(self) -> list[Simulator]:
        """Every simulator once, Slack first."""
        return [self.slack, *dict.fromkeys(self.platforms.values())]

    @property
    def url(self) -> str:
        """Where a browser starts: the simulated Slack."""
        return self.slack.url

    async def start(self, *, port: int = 3000, app_url: str | None = None) -> None:
        """Listen: Slack on `port`, the platforms on free ports.

        `app_url` is the app's origin, when it is known already. Raises OSError when the port is taken;
        nothing is left running then.
        """
        if app_url is not None:
            self.connect_app(app_url)
        try:
            for simulator in self.simulators:
                await simulator.start(port if simulator is self.slack else 0)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every simulator."""
        await asyncio.gather(*(simulator.stop() for simulator in self.simulators))

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass for every platform and for the app, as if all had waited. Slack's clock stays."""
        for simulator in self.simulators:
            if simulator is not self.slack:
                simulator.clock.offset_s += by.total_seconds()
        await self.age_app(by)
        self.passed += by
        for tick in self.after_time:
            await tick()

    async def _age_own(self, by: timedelta) -> None:
        if self.database is not None and self.database.exists():
            await asyncio.to_thread(age, self.database, by)

    async def let_it_notice(self, platform: OAuthSimulator) -> timedelta:
        """Let time pass until the app has asked for new tokens at `platform`, and once more where it was refused.

        Return how much. Single-use tokens that nobody needs are renewed once a week, the others within a day.
        """
        first = timedelta(days=8 if platform.rules.single_use_refresh else 2)
        await self.pass_time(first)
        await self.pass_time(SECOND_LOOK)
        return first + SECOND_LOOK

    async def come_to_day(self, platform: OAuthSimulator, day: int) -> timedelta:
        """Let time pass until the newest sign-in at `platform` is `day` days old, and return how much.

        Raises ValueError when there is none, or it is older already.
        """
        signed_in = [grant.issued_at for grant in platform.grants.values() if not grant.dead]
        if not signed_in:
            raise ValueError(f"nobody is signed in there; connect {platform.title} first")
        # The app counts from when it got the token, a moment after the person has signed in.
        by = timedelta(days=day, hours=1, seconds=max(signed_in) - platform.clock.now())
        if by <= timedelta(0):
            raise ValueError(f"day {day} of the newest sign-in there is over; reconnect it first")
        await self.pass_time(by)
        return by

    def connect_app(self, app_url: str) -> None:
        """Tell Slack and every platform where the app is: request URL, redirect URIs and callbacks."""
        self.app_url = app_url.rstrip("/")
        self.slack.configure(
            client_id=self.slack_client_id,
            client_secret=self.slack_client_secret,
            signing_secret=self.signing_secret,
            app_url=self.app_url,
            redirect_urls=[f"{self.app_url}/slack/oauth_redirect", f"{self.app_url}/slack/identity"],
            **MANIFEST,
        )
        for platform in dict.fromkeys(self.platforms.values()):
            platform.connect_app(self.app_url)

    def env(self, public_url: str, data_dir: Path) -> dict[str, str]:
        """Return the OCTAPOST_* environment of an app at `public_url` that lives in this world.

        Its database and key ring are in `data_dir`; the ring is made once and kept. The app is
        connected as by `connect_app`. Call it after `start`, which decides the ports.
        """
        self.connect_app(public_url)
        self.database = (data_dir / "octapost.sqlite3").resolve()
        found = {
            "PUBLIC_URL": public_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{self.database}",
            "VAULT_KEYS": _kept_keys(data_dir / KEYS_FILE),
            "SLACK_CLIENT_ID": self.slack_client_id,
            "SLACK_CLIENT_SECRET": self.slack_client_secret,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_URL": f"{self.slack.url}/api/",
            "SLACK_WEB_URL": self.slack.url,
            "METRICS_PORT": "0",  # nobody watches a sandbox
        }
        for platform in dict.fromkeys(self.platforms.values()):
            for one in platform.registrations:
                name = one.app.upper()
                found |= {f"{name}_CLIENT_ID": one.client_id, f"{name}_CLIENT_SECRET": one.client_secret}
                found[f"{one.platform.upper()}_URL"] = platform.url
        return {f"OCTAPOST_{name}": value for name, value in found.items()}

    async def __aenter__(self) -> Self:
        """Start on free ports."""
        await self.start(port=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()


def _kept_keys(path: Path) -> str:
    """Return the key ring in `path`, made when there is none; only its owner may read it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring = f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(ring)
    return path.read_text(encoding="ascii").strip()
