"""`/octapost alerts`: where and when an organization hears that an account needs somebody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.errors import NoAlertsChannelError, NotFoundError, Thing
from bot.services.incidents.alert_settings import REMINDER_DAYS, Choice, is_elsewhere
from bot.services.incidents.quiet_hours import zones, zones_like
from bot.services.permissions import Permission
from bot.slack.failures import CALL_FAILED, failure
from bot.slack.failures import FailureKind as Failed
from bot.slack.refusals import BadInputError, under
from bot.slack.routes import Answer, Kind, OpenModal, Options, Request, Say, UpdateModal, command, on
from bot.views import alerts as views

if TYPE_CHECKING:
    from bot.services.incidents.alert_settings import AlertSettingsService
    from bot.slack.zones import PeopleZones
    from bot.views.kit import Message
    from storage.models import AlertSettings

log = logger(__name__)
HOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
SHOWN_AT_ONCE = 100


@dataclass(frozen=True)
class AlertsStory:
    """The alerts channel, the days of warnings, the digest and quiet hours."""

    settings: AlertSettingsService
    zones: PeopleZones

    @command(
        "alerts",
        Permission.CHANGE_ALERTS,
        topic="Accounts",
        help="Choose where and when you're told that an account needs someone.",
        aliases=("alert", "notifications"),
    )
    async def show(self, request: Request) -> Answer:
        """Show the settings."""
        chosen = await self.settings.get(request.actor)
        blocks = views.settings(request.actor.organization, chosen, elsewhere=_elsewhere(request, chosen))
        return Say(text=views.TITLE, blocks=blocks)

    @on(Kind.ACTION, "alerts.change", Permission.CHANGE_ALERTS, changes=False, opens=views.TITLE)
    async def change(self, request: Request) -> Answer:
        """Open the form. It shows the actor's own time zone until somebody has chosen one."""
        chosen = await self.settings.get(request.actor)
        if not chosen.quiet_from and chosen.timezone == "UTC":
            chosen.timezone = await self.zones.of(request.sender)
        return OpenModal(views.form(chosen, elsewhere=_elsewhere(request, chosen)))

    @on(Kind.OPTIONS, "alerts.zone", Permission.CHANGE_ALERTS, changes=False)
    async def zone(self, request: Request) -> Answer:
        """Answer the typeahead of time zones."""
        return Options(views.zone_options(zones_like(request.words)[:SHOWN_AT_ONCE]))

    @on(Kind.SUBMISSION, "alerts.saved", Permission.CHANGE_ALERTS)
    async def save(self, request: Request) -> Answer:
        """Store the settings of the form.

        Raises:
            NotFoundError: The submission is not from this form.

        """
        actor = request.actor
        if request.target or views.DIGEST not in request.state:  # from another modal
            raise NotFoundError(Thing.FORM)
        choice = choice_in(request)

        async def post_hello(channel: str) -> str:
            hello = views.hello(actor.organization, f"<@{actor.sender.user_id}>")
            return await self._post(request, channel, hello)

        with under(views.CHANNEL):
            kept = await self.settings.save(actor, choice, post_hello)
        return UpdateModal(views.saved(actor.organization, kept, elsewhere=_elsewhere(request, kept)))

    @on(Kind.ACTION, "alerts.test", Permission.CHANGE_ALERTS)
    async def test(self, request: Request) -> Answer:
        """Post a test message in the alerts channel, and say whether it arrived.

        Raises:
            NoAlertsChannelError: The button comes from another message.

        """
        actor = request.actor
        if request.target:
            raise NoAlertsChannelError

        async def post_test(channel: str) -> str:
            test = views.test(actor.organization, f"<@{actor.sender.user_id}>")
            return await self._post(request, channel, test)

        return Say(text=views.tested(await self.settings.test(actor, post_test)))

    async def _post(self, request: Request, channel: str, message: Message) -> str:
        """Post in a channel at once, and return Slack's error code, or an empty string if it was posted.

        It does not go through the outbox, because the person who pressed the button waits for the answer.

        Raises:
            BadInputError: Slack gave no answer, or none that is about the channel.
            Exception: One of CALL_FAILED: the installation has ended.

        """
        client = await request.client()
        try:
            await client.chat_postMessage(channel=channel, **message.body)
        except CALL_FAILED as error:
            failed = failure(error)
            log.info("alerts.channel_refused", code=failed.code)
            if failed.kind is Failed.TRANSIENT or failed.may_have_succeeded:
                sentence = views.no_answer(perhaps_posted=failed.may_have_succeeded)
                raise BadInputError(sentence, field=views.CHANNEL) from None
            if failed.kind is Failed.ENDED:
                raise
            return failed.code
        return ""


def _elsewhere(request: Request, chosen: AlertSettings) -> bool:
    return is_elsewhere(chosen, request.actor.sender.team_id)


def choice_in(request: Request) -> Choice:
    """Return the settings entered in the form.

    Raises:
        BadInputError: Only one of the quiet hours is set, or both are the same.
        NotFoundError: A value is not among those that the form offers.

    """
    days = [option["value"] for option in request.typed(views.DAYS).get("selected_options") or ()]
    digest = (request.typed(views.DIGEST).get("selected_option") or {}).get("value")
    zone = (request.typed(views.ZONE).get("selected_option") or {}).get("value")
    begins = str(request.typed(views.FROM).get("selected_time") or "")
    ends = str(request.typed(views.TO).get("selected_time") or "")
    if bool(begins) != bool(ends) or (begins and begins == ends):
        raise BadInputError(views.HALF_QUIET_HOURS, field=views.TO)
    wrong = [hour for hour in (begins, ends) if hour and not HOUR.fullmatch(hour)]
    wrong_days = {*days} - {*map(str, REMINDER_DAYS)}
    if wrong or wrong_days or digest not in views.DIGESTS or zone not in zones():
        raise NotFoundError(Thing.CHOICE)
    return Choice(
        channel_id=str(request.typed(views.CHANNEL).get("selected_conversation") or ""),
        days=sorted(map(int, days), reverse=True),
        digest=digest,
        quiet_from=begins,
        quiet_to=ends,
        timezone=zone,
    )
