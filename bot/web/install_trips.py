"""The states of installations in progress. Nothing is stored for one that was only started."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.web.signer import PAYLOAD_BYTES, Signer
from storage.install_states import InstallStates

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.engine.db import Database

TIME_BYTES = 4
"""A Unix time in seconds, until 2106."""
PATIENCE_S, PAUSE_S = 20.0, 0.25
"""How long a second visit waits for what the first one is finishing, and how long between two looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallEnd:
    """What came of an installation."""

    name: str = ""
    """The workspace's or the Grid's; empty: Slack did not finish the installation."""
    app_id: str = ""
    team_id: str | None = None
    greeted: bool = False
    """The installer is sent a message that says what to do."""


class InstallTrips:
    """States that contain their expiry, signed and bound to the cookie of the browser they were given to.

    The state is in the address of Slack's page and comes back with the browser, so one browser may have several
    installations in progress. A row is stored only when a state comes back with a valid signature, in its own browser
    and in time; it keeps every process from accepting that state again.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._signer = Signer(settings.slack_signing_secret.get_secret_value(), "Slack installs")

    async def begin(self, browser: str) -> str:
        """Return a new state, which works once, within 10 minutes, in this browser only. Writes nothing."""
        async with self._database.system(write=False) as session:
            expires_at = await InstallStates(session).expiry()
        seconds = int(expires_at.timestamp()).to_bytes(TIME_BYTES, "big")
        return self._signer.issue(seconds + secrets.token_bytes(PAYLOAD_BYTES - TIME_BYTES), browser)

    def began_here(self, state: str, browser: str) -> bool:
        """Tell whether this browser was given this state, however long ago. Reads no database."""
        return self._signer.read(state, browser) is not None

    async def finish(self, state: str, browser: str) -> bool:
        """Tell whether the installation may be finished: True once per state, for its own browser and in time.

        False does not use the state up.
        """
        payload = self._signer.read(state, browser)
        if payload is None:
            return False
        expires_at = datetime.fromtimestamp(int.from_bytes(payload[:TIME_BYTES], "big"), UTC)
        async with self._database.system() as session:
            return await InstallStates(session).spend(state, expires_at)

    async def keep(self, state: str, end: InstallEnd) -> None:
        """Store what came of an installation, for a browser that loads the page again within 15 minutes."""
        async with self._database.system() as session:
            await InstallStates(session).keep(state, asdict(end))

    async def end(self, state: str) -> InstallEnd | None:
        """Return what came of an installation that `began_here`, after waiting for one that is being finished.

        None: nothing is known of it.
        """
        until = time.monotonic() + PATIENCE_S
        while True:
            async with self._database.system(write=False) as session:
                found = await InstallStates(session).outcome(state)
            if found is None or (not found and time.monotonic() > until):
                return None
            if found:
                return InstallEnd(**found)
            await asyncio.sleep(PAUSE_S)
