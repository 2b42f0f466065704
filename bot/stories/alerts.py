"""Where and when an organization is told that an account needs somebody."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.services.acting import acting
from bot.services.errors import NoAlertsChannelError, NotFoundError, Thing
from bot.services.incidents.quiet_hours import zones
from bot.services.permissions import Permission
from bot.slack.clients import CALL_FAILED, failure
from bot.slack.clients import Kind as Failed
from bot.slack.people import user_of
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, OpenModal, Options, Request, Routes, Say, UpdateModal
from bot.views import alerts as views
from storage.alert_settings import Alerts
from storage.audit import Audit

if TYPE_CHECKING:
    from bot.services.incidents.incidents import IncidentService
    from bot.views.kit import Message
    from storage.engine.db import Database
    from storage.models import AlertSettings

log = logger(__name__)
HOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
SHOWN_AT_ONCE = 100
ASK_FOR_S = 1.0
"""Slack waits 3 seconds for an answer, and we are not the only ones who need some of them."""


class AlertsStory:
    """The alerts channel, the ladder of warnings, the digest and quiet hours."""

    def __init__(self, incidents: IncidentService, database: Database) -> None:
        self._incidents = incidents
        self._database = database

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.command(
            "alerts",
            self.show,
            permission=Permission.CHANGE_ALERTS,
            topic="Accounts",
            help="Where and when you are told that an account needs somebody.",
            aliases=("alert", "notifications"),
        )
        routes.add(
            Kind.ACTION,
            "alerts.change",
            self.change,
            permission=Permission.CHANGE_ALERTS,
            changes=False,
            opens="Alerts",
        )
        routes.add(Kind.ACTION, "alerts.test", self.test, permission=Permission.CHANGE_ALERTS)
        routes.add(Kind.OPTIONS, "alerts.zone", self.zone, permission=Permission.CHANGE_ALERTS, changes=False)
        routes.add(Kind.SUBMISSION, "alerts.saved", self.save, permission=Permission.CHANGE_ALERTS)

    async def show(self, request: Request) -> Answer:
        """Answer `/octapost alerts`."""
        chosen = await self._settings(request)
        blocks = views.settings(request.actor.organization, chosen, elsewhere=elsewhere(request, chosen))
        return Say(text="Alerts", blocks=blocks)

    async def change(self, request: Request) -> Answer:
        """Open the form; the time zone is the actor's own as long as nobody chose another."""
        chosen = await self._settings(request)
        if not chosen.quiet_from and chosen.timezone == "UTC":
            chosen.timezone = await self._zone_of(request)
        return OpenModal(views.form(chosen, elsewhere=elsewhere(request, chosen)))

    async def zone(self, request: Request) -> Answer:
        """Answer the time zone typeahead."""
        wanted = request.words.casefold().strip().replace(" ", "_")
        found = [name for name in zones() if wanted in name.casefold()]
        return Options(views.zone_options(found[:SHOWN_AT_ONCE]))

    async def save(self, request: Request) -> Answer:
        """Keep what was chosen, a new channel once it has taken a first message.

        The one that was chosen before is tried again where it took nothing, and stays as it is if that is in vain.
        """
        actor = request.actor
        if request.target or views.DIGEST not in request.state:  # some other modal's metadata, or its inputs
            raise NotFoundError(Thing.FORM)
        values, before = chosen_in(request), await self._settings(request)
        channel, away = str(values["channel_id"]), elsewhere(request, before)
        new, code = channel != before.channel_id or away, ""
        if channel and (new or before.trouble):
            hello = views.hello(actor.organization, f"<@{actor.sender.user_id}>")
            code = await self._post(request, channel, hello)
            if code and new:
                raise BadInputError(views.refused(code), field=views.CHANNEL)
        if (
            away and not channel
        ):  # nobody can choose a channel of another workspace here, so none is no choice
            del values["channel_id"]
        elif not code:
            values |= {"slack_id": actor.sender.team_id, "trouble": "", "trouble_since": None}
        async with acting(self._database, actor, Permission.CHANGE_ALERTS) as session:
            kept = await Alerts(session).save(actor.organization_id, **values)
            await Audit(session).write(actor.organization_id, actor.membership_id, "alerts changed", channel)
            if channel and not code:
                await self._incidents.cards.on_channel_chosen(session, actor.organization_id)
        return UpdateModal(views.saved(actor.organization, kept, elsewhere=elsewhere(request, kept)))

    async def test(self, request: Request) -> Answer:
        """Post a test message in the channel, and say whether it arrived."""
        actor, settings = request.actor, await self._settings(request)
        if request.target or not settings.channel_id:
            raise NoAlertsChannelError
        if elsewhere(request, settings):
            raise BadInputError(
                "Your alerts channel is in another workspace. Type `/octapost alerts` there to try it."
            )
        message = views.test(actor.organization, f"<@{actor.sender.user_id}>")
        code = await self._post(request, settings.channel_id, message)
        async with acting(self._database, actor, Permission.CHANGE_ALERTS) as session:
            if code:
                await Alerts(session).trouble(actor.organization_id, settings.channel_id, code)
            else:
                await self._incidents.cards.channel_works(session, actor.organization_id, settings.channel_id)
        return Say(text=views.refused(code) if code else "✅ It arrived. Look in the channel.")

    async def _settings(self, request: Request) -> AlertSettings:
        organization_id = request.actor.organization_id
        async with self._database.organization(organization_id, write=False) as session:
            return await Alerts(session).get(organization_id)

    async def _zone_of(self, request: Request) -> str:
        """Return the actor's time zone, as Slack knows it; UTC when it doesn't tell."""
        try:
            async with asyncio.timeout(ASK_FOR_S):
                user = await user_of(await request.client(), request.actor.sender.user_id)
        except CALL_FAILED:
            return "UTC"
        zone = str((user or {}).get("tz") or "")
        return zone if zone in zones() else "UTC"

    async def _post(self, request: Request, channel: str, message: Message) -> str:
        """Say something in a channel at once; return Slack's reason for not taking it, or an empty string.

        Not through the outbox: whoever pressed the button waits for the answer. Raises BadInputError where Slack
        gave none that is about the channel.
        """
        client = await request.client()
        try:
            await client.chat_postMessage(channel=channel, **message.body)
        except CALL_FAILED as error:
            failed = failure(error)
            log.info("channel not usable", code=failed.code)
            if failed.kind is Failed.PASSING or failed.perhaps_done:
                raise BadInputError(
                    "Slack didn't answer in time, so I don't know whether my message arrived. Look in the channel,"
                    " then try again in a minute."
                    if failed.perhaps_done
                    else "Slack isn't answering me right now. Nothing was changed; please try again in a minute.",
                    field=views.CHANNEL,
                ) from None
            if failed.kind is Failed.OVER:
                raise
            return failed.code
        return ""


def elsewhere(request: Request, chosen: AlertSettings) -> bool:
    """Tell whether the alerts channel is in another workspace than the one the actor is in."""
    return bool(chosen.channel_id) and chosen.slack_id != request.actor.sender.team_id


def chosen_in(request: Request) -> dict[str, Any]:
    """Return the settings entered in the form. Raises BadInputError for what doesn't go together."""
    days = [option["value"] for option in request.typed(views.DAYS).get("selected_options") or ()]
    digest = (request.typed(views.DIGEST).get("selected_option") or {}).get("value")
    zone = (request.typed(views.ZONE).get("selected_option") or {}).get("value")
    begins = str(request.typed(views.FROM).get("selected_time") or "")
    ends = str(request.typed(views.TO).get("selected_time") or "")
    if bool(begins) != bool(ends) or (begins and begins == ends):
        raise BadInputError("Set a beginning and another end, or leave both empty.", field=views.TO)
    wrong = [hour for hour in (begins, ends) if hour and not HOUR.fullmatch(hour)]
    if wrong or digest not in views.DIGESTS or zone not in zones() or not {*days} <= {*map(str, views.RUNGS)}:
        raise NotFoundError(Thing.CHOICE)
    return {
        "channel_id": str(request.typed(views.CHANNEL).get("selected_conversation") or ""),
        "days": sorted(map(int, days), reverse=True),
        "digest": digest,
        "quiet_from": begins,
        "quiet_to": ends,
        "timezone": zone,
    }
