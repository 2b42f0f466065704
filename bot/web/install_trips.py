"""The states of installations in progress. Nothing is stored for one that was only started."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.web.signer import PAYLOAD_BYTES, Signer
from storage.install_states import InstallStates

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.engine.db import Database

TIME_BYTES = 4
"""A Unix time in seconds, until 2106."""


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
