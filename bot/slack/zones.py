"""The time zones of people, as Slack knows them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

from bot.services.errors import NotInstalledError
from bot.services.incidents.quiet_hours import zones
from bot.slack.failures import CALL_FAILED
from bot.slack.people import user_of

if TYPE_CHECKING:
    from bot.services.access import Sender
    from bot.slack.clients import SlackClients

ASK_WITHIN_S = 1.0
"""Slack waits 3 seconds for our whole answer, and this lookup is only a part of it."""
KEPT_S, MOST_KEPT = 600.0, 10_000
UNKNOWN = "UTC"


class PeopleZones:
    """Looks up people's time zones, and remembers each for ten minutes. Built once, in `bot.app`."""

    def __init__(self, clients: SlackClients, *, kept_s: float = KEPT_S) -> None:
        self._clients = clients
        self._kept_s = kept_s
        self._kept: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()

    async def of(self, sender: Sender) -> str:
        """Return the IANA name of the sender's time zone; UTC if Slack gives none in time."""
        key = (sender.team_id, sender.user_id)
        until, zone = self._kept.get(key, (0.0, UNKNOWN))
        if monotonic() < until:
            return zone
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                client = await self._clients.for_workspace(sender.team_id, sender.enterprise_id)
                user = await user_of(client, sender.user_id)
        except (NotInstalledError, *CALL_FAILED):
            return UNKNOWN
        said = str((user or {}).get("tz") or "")
        zone = said if said in zones() else UNKNOWN
        self._kept[key] = (monotonic() + self._kept_s, zone)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return zone
