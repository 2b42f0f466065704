"""The simulated world on localhost: a Slack with its web client, the platforms, and the app registered at each.

All credentials are made up, fixed and public. `MANIFEST` is what an operator enters at api.slack.com; a test compares
it with manifest.yml.
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
"""The app's address until it is known: the discard port, which refuses connections."""
KEYS_FILE = "vault.keys"
A_LOOK = timedelta(days=2)
"""Longer than the day within which the app looks at every account."""
SECOND_LOOK = timedelta(minutes=20)
"""Longer than the 15 minutes after which a refused token is tried again."""
MANIFEST: dict[str, Any] = {
    "command": "/octapost",
    "command_description": "Publish posts, connect accounts, and see how they are doing",
    "usage_hint": "post [text] | connect [platform] | accounts | reconnect | alerts | status | doctor | org | help",
    "bot_scopes": ["commands", "chat:write", "users:read", "team:read", "files:read"],
    "shortcuts": [
        {"callback_id": "octapost_connect", "name": "Connect an account", "type": "global"},
        {"callback_id": "octapost_compose", "name": "Write a post", "type": "global"},
        {"callback_id": "octapost_publish_message", "name": "Publish this message", "type": "message"},
    ],
    "events": [
        "app_home_opened",
        "app_uninstalled",
        "tokens_revoked",
        "grid_migration_finished",
        "user_change",
    ],
    "messages_read_only": True,
}
"""The app as entered at api.slack.com, without its addresses."""


class World:
    """All simulators. `async with World() as world:` starts them on free ports and stops them.

    They exist before `start`, so that a test can change their settings first. "facebook" and "instagram" are the same
    simulator, because both belong to Meta.
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
        """The file of the app's database."""
        self.age_app: Callable[[timedelta], Awaitable[None]] = self._age_own
        """Moves the times that the app has stored into the past. A test with another database replaces it."""
        self.after_time: list[Callable[[], Awaitable[None]]] = []
        """Called after time has passed, for instance to run the app's jobs."""
        self.passed = timedelta(0)
        self.pages: list[Page] = []
        """Every page that a `Member` has seen, oldest first."""
        self.slack.mount(lambda slack: client_routes(slack, world_page="/world"))
        self.slack.mount(lambda _: control_routes(self))
        self.connect_app(self.app_url)

    @property
    def simulators(self) -> list[Simulator]:
        """Every simulator once, Slack first."""
        return [self.slack, *dict.fromkeys(self.platforms.values())]

    @property
    def url(self) -> str:
        """The address to open in a browser: the simulated Slack."""
        return self.slack.url

    async def start(self, *, port: int = 3000, app_url: str | None = None) -> None:
        """Start all servers: Slack on `port`, the platforms on free ports.

        `app_url` is the app's origin, if it is known already.

        Raises:
            OSError: The port is taken. Nothing is left running.

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
        """Let time pass for all platforms and the app. Slack's clock stays."""
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

    async def let_it_notice(self) -> timedelta:
        """Let time pass until the app has used every sign-in, and tried again where that was refused; return how much.

        It looks at all accounts once a day, and refreshes expired tokens for that.
        """
        await self.pass_time(A_LOOK)
        await self.pass_time(SECOND_LOOK)
        return A_LOOK + SECOND_LOOK

    async def come_to_day(self, platform: OAuthSimulator, day: int) -> timedelta:
        """Let time pass until the newest sign-in at `platform` is `day` days old, and return how much.

        Raises:
            ValueError: There is none, or it is older already.

        """
        signed_in = [grant.issued_at for grant in platform.grants.values() if not grant.dead]
        if not signed_in:
            raise ValueError(f"nobody is signed in there; connect {platform.title} first")
        # The app counts from the moment it got the token, shortly after the person has signed in.
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
        """Return the OCTAPOST_* environment of an app at `public_url` in this world, and connect it (`connect_app`).

        The app's database and key ring are in `data_dir`; an existing ring is kept. Call it after `start`, which
        decides the ports.
        """
        self.connect_app(public_url)
        self.database = (data_dir / "octapost.sqlite3").resolve()
        found = {
            "PUBLIC_URL": public_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{self.database}",
            "MEDIA_URL": (data_dir / "octapost-media").resolve().as_uri(),
            "VAULT_KEYS": _kept_keys(data_dir / KEYS_FILE),
            "SLACK_CLIENT_ID": self.slack_client_id,
            "SLACK_CLIENT_SECRET": self.slack_client_secret,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_URL": f"{self.slack.url}/api/",
            "SLACK_WEB_URL": self.slack.url,
            "METRICS_PORT": "0",  # a sandbox needs no monitoring
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
    """Return the key ring in `path`, and create it if there is none; only its owner may read the file."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring = f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(ring)
    return path.read_text(encoding="ascii").strip()
