"""An incident's card in Slack: where it stands, what it says, and who gets it when a place can't hear us.

Nothing here speaks to Slack: the card, its changes and the lines below it go into the outbox, in the
transaction that made them true.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.services.access import members_with
from bot.services.incidents.quiet_hours import quiet_until
from bot.services.notifications import Listener
from bot.services.outbox import Conversation, escalation_order, say_in
from bot.services.permissions import Permission
from bot.slack.clients import UNINSTALLED
from bot.views import incidents as views
from storage.alert_settings import Alerts
from storage.incidents import IncidentRows
from storage.memberships import Members
from storage.models import Incident, IncidentKind
from storage.organizations import Organizations
from storage.outbox import Notices
from storage.posts import Posts

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from storage.models import AlertSettings, Membership, Notice
    from storage.posts import Waiting

log = logger(__name__)
FALLBACK = str(Listener.INCIDENT_CARDS)
AGAIN = timedelta(hours=6)
"""How long after nobody could be told we look for somebody again."""


class Cards:
    """Keeps each incident's one message where people see it, and true."""

    def __init__(self, catalog: PlatformCatalog) -> None:
        self._catalog = catalog

    async def draw(self, session: AsyncSession, incident: Incident) -> views.IncidentCard:
        """Return everything the card says, as of now."""
        organization = await Organizations(session).get(incident.organization_id)
        settings = await Alerts(session).get(incident.organization_id)
        return views.IncidentCard(
            incident=incident,
            platform=self._catalog.platform(incident.platform),
            organization=organization.name if organization else "it",
            connector=await self.member(session, incident, incident.connected_by),
            claimer=await self.member(session, incident, incident.claimed_by),
            resolver=await self.member(session, incident, incident.resolved_by),
            lost_channel=settings.channel_id
            if incident.card.recipients_tried and incident.card.channel_error
            else "",
            waiting=await self._waiting(session, incident),
            late=await Posts(session).late(incident.organization_id, incident.renewed) if organization else 0,
            answerer=await self.member(session, incident, incident.late_by),
        )

    async def _waiting(self, session: AsyncSession, incident: Incident) -> Waiting | None:
        """Return the posts that the incident keeps from going out, or will; None when it keeps none."""
        over = incident.kind == IncidentKind.NEEDS_RECONNECT
        end = None if over else incident.deadline
        if not incident.open or incident.code == views.DATA_ACCESS or (end is None and not over):
            return None
        return await Posts(session).waiting(incident.organization_id, incident.accounts, after=end)

    async def say(self, session: AsyncSession, incident: Incident, line: str = "") -> None:
        """Bring the card in Slack up to date, and put a line into its thread.

        Quiet hours hold back what makes a sound, a new card or a line, unless the sign-in ends before
        they do. What is over before anybody was told is not told any more, unless it leaves a question.
        """
        quiet = await self.quiet(session, incident, datetime.now(UTC))
        if incident.card.channel:
            incident.card.version += 1
            await self._put(session, incident, views.card(await self.draw(session, incident)), edits=True)
            incident.card.pending_replies = [*incident.card.pending_replies, *([line] if line else [])]
            if quiet is None:
                await self._thread(session, incident)
            incident.card.quiet_until = quiet if incident.card.pending_replies else None
        else:
            wanted = incident.open or incident.awaits_late_answer
            incident.card.quiet_until = quiet if wanted else None
            if wanted and quiet is None:
                await self._post(session, incident)
        await session.flush()

    async def quiet(self, session: AsyncSession, incident: Incident, moment: datetime) -> datetime | None:
        """Return until when nothing about it may make a sound, or None: what ends before then is said at once."""
        quiet = quiet_until(await Alerts(session).get(incident.organization_id), moment)
        ends_before = quiet is not None and incident.deadline is not None and incident.deadline <= quiet
        return None if ends_before else quiet

    async def _thread(self, session: AsyncSession, incident: Incident) -> None:
        for line in incident.card.pending_replies:
            incident.card.version += 1
            await self._put(session, incident, views.line(line), edits=False)
        incident.card.pending_replies = []

    async def _put(self, session: AsyncSession, incident: Incident, message: Any, *, edits: bool) -> None:
        await say_in(
            session,
            Conversation(slack_id=incident.card.slack_id, id=incident.card.channel),
            f"{incident.card.key}:{incident.card.version}",
            message,
            organization_id=incident.organization_id,
            edits=incident.card.key if edits else None,
            thread_of=None if edits else incident.card.key,
            fallback=FALLBACK,
        )

    async def _post(
        self, session: AsyncSession, incident: Incident, *, deaf: str = "", to_people: bool = False
    ) -> None:
        """Post the card where it can be heard: in the channel, else to the first person who wasn't asked yet.

        Nobody is asked in the workspace `deaf`. Where nobody is left, all are tried again later.
        """
        place = await self._place(session, incident, deaf, to_people=to_people)
        if place is None:
            log.error("nobody can be told", incident=incident.id, organization=incident.organization_id)
            self._nowhere(incident)
            incident.card.quiet_until = datetime.now(UTC) + AGAIN
            return
        incident.card.slack_id, incident.card.channel = place.slack_id, place.id
        incident.card.number += 1
        message = views.card(await self.draw(session, incident))
        await say_in(
            session,
            place,
            incident.card.key,
            message,
            organization_id=incident.organization_id,
            fallback=FALLBACK,
        )
        await session.flush()

    async def _place(
        self, session: AsyncSession, incident: Incident, deaf: str, *, to_people: bool
    ) -> Conversation | None:
        """Return where the card goes next, and note whom that asks."""
        settings = await Alerts(session).get(incident.organization_id)
        if (
            not (to_people or incident.card.recipients_tried)
            and settings.channel_id
            and settings.slack_id != deaf
        ):
            return Conversation(slack_id=settings.slack_id, id=settings.channel_id)
        people = escalation_order(await Members(session).all(incident.organization_id), incident.connected_by)
        left = [
            each for each in people if each.id not in incident.card.recipients_tried and each.team_id != deaf
        ]
        if not left:
            return None
        incident.card.recipients_tried = [*incident.card.recipients_tried, left[0].id]
        return Conversation(slack_id=left[0].team_id, id=left[0].user_id)

    async def ask(
        self, session: AsyncSession, incident: Incident, person: Membership, asker: str, key: str
    ) -> None:
        """Send one person a message with a button for their own link; it says so when everything is done."""
        message = views.please(await self.draw(session, incident), asker)
        await say_in(
            session,
            Conversation(slack_id=person.team_id, id=person.user_id),
            f"{key}:{person.id}",
            message,
            organization_id=person.organization_id,
            fallback=FALLBACK,
        )
        incident.card.requests_sent = incident.card.requests_sent | {f"{key}:{person.id}": person.id}

    async def correct(self, session: AsyncSession, incident: Incident) -> None:
        """Say in a channel that took nothing more that the card there is out of date."""
        if incident.card.stale_message_key:
            key, incident.card.stale_message_key = incident.card.stale_message_key, ""
            await self.amend(session, incident, key, views.left_behind(await self.draw(session, incident)))

    async def amend(self, session: AsyncSession, incident: Incident, key: str, message: Any) -> None:
        """Edit a message about the incident that is not its card, wherever it stands."""
        notice = await Notices(session).get(key)
        if notice is None:
            return
        incident.card.version += 1
        await say_in(
            session,
            Conversation(slack_id=notice.slack_id, id=notice.channel),
            f"amended:{incident.id}:{incident.card.version}",
            message,
            organization_id=incident.organization_id,
            edits=key,
            fallback=FALLBACK,
        )

    async def member(
        self, session: AsyncSession, incident: Incident, membership_id: str | None
    ) -> Membership | None:
        """Return the membership of the incident's organization with this id; None for nobody's."""
        if membership_id is None:
            return None
        return await Members(session).get(incident.organization_id, membership_id)

    # What Slack says about it: bot.slack.sender.DeliveryListener

    async def on_undeliverable(self, session: AsyncSession, notice: Notice, code: str) -> None:
        """Give the card to the next person who may be reached."""
        organization_id = notice.organization_id or ""
        alerts = Alerts(session)
        await alerts.trouble(organization_id, notice.channel, code)
        settings = await alerts.get(organization_id)
        if notice.key.startswith("digest:"):
            await self._tell_of_trouble(session, settings, notice.key)
            return
        if notice.key.startswith("amended:"):
            await self._not_corrected(session, notice)
            return
        incident = await self._of(session, notice)
        if incident is None or not (incident.open or incident.awaits_late_answer):
            return
        log.warning(
            "card not taken", incident=incident.id, asked=len(incident.card.recipients_tried), code=code
        )
        to_people = incident.card.holder is not None or settings.channel_id == incident.card.channel
        if to_people and incident.card.holder is None:
            incident.card.channel_error = code
            if await Notices(session).place(incident.card.key):
                incident.card.stale_message_key = incident.card.key
        await Notices(session).forget(incident.card.key)
        deaf = notice.slack_id if code in UNINSTALLED else ""
        await self._post(session, incident, deaf=deaf, to_people=to_people)

    async def _tell_of_trouble(self, session: AsyncSession, settings: AlertSettings, key: str) -> None:
        """Tell the admins that the channel didn't take a digest; a card says it itself."""
        for admin in await members_with(session, settings.organization_id, Permission.RECEIVE_NOTICES):
            await say_in(
                session,
                Conversation(slack_id=admin.team_id, id=admin.user_id),
                f"lost:{key}:{admin.id}",
                views.channel_lost(settings),
                organization_id=admin.organization_id,
            )

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:
        """Note that the channel takes our messages, and put right what is out of date there."""
        if notice.organization_id is not None:
            await self.taken(session, notice.organization_id, notice.channel)

    async def taken(self, session: AsyncSession, organization_id: str, channel: str) -> None:
        """Note that a channel has taken a message of ours."""
        await Alerts(session).trouble(organization_id, channel, "")
        for incident in await IncidentRows(session).left_behind(organization_id, channel):
            await self.correct(session, incident)

    async def _not_corrected(self, session: AsyncSession, notice: Notice) -> None:
        """Keep in mind that a card is still out of date where nothing of ours is taken."""
        _, incident_id, _ = notice.key.split(":")
        incident = await IncidentRows(session).get(notice.organization_id or "", incident_id)
        if incident is not None and notice.edits not in {None, *incident.card.requests_sent}:
            incident.card.stale_message_key = notice.edits or ""

    async def _of(self, session: AsyncSession, notice: Notice) -> Incident | None:
        """Return the incident whose present card a notice belongs to; None for an older card's."""
        what, incident_id, number, *_ = [*notice.key.split(":"), "", ""]
        if notice.organization_id is None or what != "incident":
            return None
        incident = await IncidentRows(session).get(notice.organization_id, incident_id)
        return incident if incident is not None and str(incident.card.number) == number else None

    # Where it is to stand

    async def channel_chosen(self, session: AsyncSession, organization_id: str) -> None:
        """Bring the open cards that stand with people, or nowhere, into the channel that was just chosen."""
        chosen = await Alerts(session).get(organization_id)
        await self.taken(session, organization_id, chosen.channel_id)
        for incident in await IncidentRows(session).all_open(organization_id):
            if incident.card.holder is not None:
                await Notices(session).forget(incident.card.key)
                incident.card.version += 1
                await self._put(session, incident, views.moved(chosen.channel_id), edits=True)
                self._nowhere(incident)
                await self._post(session, incident)  # somebody has just asked for it, quiet hours or not
            elif not incident.card.channel:
                self._nowhere(incident)
                await self.say(session, incident)

    async def has_left(self, session: AsyncSession, organization_id: str, membership_id: str) -> None:
        """Take the cards out of the messages of somebody who may do nothing about them any more.

        What stands there then says nothing about anybody; the next person is asked at once.
        """
        for incident in await IncidentRows(session).held_by(organization_id, membership_id):
            await Notices(session).forget(incident.card.key)
            incident.card.version += 1
            await self._put(session, incident, views.moved_on(), edits=True)
            incident.card.slack_id, incident.card.channel, incident.card.pending_replies = "", "", []
            incident.card.number += 1  # what Slack says of the old one is of no interest any more
            await self.say(session, incident)

    def _nowhere(self, incident: Incident) -> None:
        """Let an incident's card be posted as if it were a new one."""
        (
            incident.card.slack_id,
            incident.card.channel,
            incident.card.recipients_tried,
            incident.card.channel_error,
        ) = "", "", [], ""
