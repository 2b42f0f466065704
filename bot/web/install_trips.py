"""The trip to Slack's install page and back. Nothing is stored for a trip that only began."""

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
    """States that carry their own expiry, signed and bound to the cookie of the browser they were given to.

    The state travels to Slack and back, so several installs may be under way in one browser. A row is
    written only for one that came back with a valid signature, in its own browser and in time: it makes
    sure that no replica takes the state a second time.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._signer = Signer(settings.slack_signing_secret.get_secret_value(), "Slack installs")

    async def begin(self, browser: str) -> str:
        """Return a fresh state, good once within 10 minutes, in this browser only. Writes nothing."""
        async with self._database.system(write=False) as session:
            expires_at = await InstallStates(session).expiry()
        seconds = int(expires_at.timestamp()).to_bytes(TIME_BYTES, "big")
        return self._signer.issue(seconds + secrets.token_bytes(PAYLOAD_BYTES - TIME_BYTES), browser)

    def began_here(self, state: str, browser: str) -> bool:
        """Tell whether this browser was given this state, however long ago. Reads no database."""
        return self._signer.read(state, browser) is not None

    async def finish(self, state: str, browser: str) -> bool:
        """Return True to exactly one caller; the wrong browser or hour gets False and spoils nothing."""
        payload = self._signer.read(state, browser)
        if payload is None:
            return False
        expires_at = datetime.fromtimestamp(int.from_bytes(payload[:TIME_BYTES], "big"), UTC)
        async with self._database.system() as session:
            return await InstallStates(session).spend(state, expires_at)
