"""`/octapost alerts`: the settings of an organization's alerts, and the form that changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.incidents.alert_settings import REMINDER_DAYS
from bot.views import kit
from bot.views.errors import channel_refused
from bot.views.kit import Message
from bot.views.outages import SILENT, UNTOUCHED
from bot.views.reasons import SLACK_REASONS
from bot.views.times import in_days, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.views.kit import Json
    from storage.models import AlertSettings

TITLE = "Alerts"
CHANNEL, DAYS, DIGEST, FROM, TO, ZONE = "channel", "days", "digest", "quiet_from", "quiet_to", "zone"
DIGESTS = {"daily": "Every day at 9:00", "weekly": "Mondays at 9:00", "off": "Never"}
HALF_QUIET_HOURS = "Set different start and end times, or clear both."


def tested(code: str) -> str:
    """Return whether the test message arrived; `code` is Slack's reason if it did not."""
    return channel_refused(code) if code else "✅ I posted a test message in the channel."


def no_answer(*, perhaps_posted: bool) -> str:
    """Return the sentence for a message that Slack neither took nor refused."""
    if perhaps_posted:
        return (
            "Slack didn't answer in time, so I don't know whether my message arrived. Check the channel, then try"
            " again in a minute."
        )
    return f"{SILENT} {UNTOUCHED}"


def settings(organization: str, chosen: AlertSettings, *, elsewhere: bool = False) -> list[Json]:
    """Return the settings in words, with the buttons to change and to try them.

    `elsewhere`: the channel is in another workspace than the reader, who can neither see nor try it.
    """
    value = f"{chosen.organization_id}/"
    where = f"<#{chosen.channel_id}>" if chosen.channel_id else "direct messages (no channel chosen)"
    if elsewhere:
        where = "a channel in another of your workspaces"
    digest = "none until you choose a channel"
    if chosen.channel_id or chosen.digest == "off":
        digest = DIGESTS[chosen.digest]
    days = kit.listed(str(day) for day in sorted(chosen.reminder_days, reverse=True))
    when = f"{days} days before a sign-in expires, and when it does" if days else "when a sign-in expires"
    lines = [
        f"*Where:* {where}",
        f"*When:* {when}",
        f"*Digest:* {digest}",
        f"*Quiet hours:* {_quiet(chosen)}",
    ]
    buttons = [kit.button("Change…", "alerts.change", value, style="primary")]
    if chosen.channel_id and not elsewhere:
        buttons.append(kit.button("Send a test message", "alerts.test", value))
    blocks = [kit.words(f"Alerts for {organization}")]
    if warning := trouble(chosen):
        blocks.append(kit.section(warning))
    return [*blocks, kit.section("\n".join(lines)), kit.actions(*buttons)]


def _quiet(chosen: AlertSettings) -> str:
    if not chosen.quiet_from:
        return "none"
    zone = kit.escape(chosen.timezone)
    return f"{chosen.quiet_from} to {chosen.quiet_to} ({zone}), unless a sign-in expires during them"


def trouble(chosen: AlertSettings) -> str:
    """Return, in mrkdwn, what is wrong with the channel; empty if nothing is."""
    if not chosen.channel_error or not chosen.channel_id:
        return ""
    reason = SLACK_REASONS.get(chosen.channel_error, "Slack refuses my messages there")
    since = f" since {moment(chosen.channel_error_since)}" if chosen.channel_error_since else ""
    return (
        f"📭 *I can't post in <#{chosen.channel_id}>*{since}: {reason}. Until I can, I message people directly:"
        " the person who connected the account, then admins, then owners."
    )


def form(chosen: AlertSettings, *, elsewhere: bool = False) -> Json:
    """Return the modal that changes the settings; see `settings`."""
    hint = "First type /invite @Octapost in that channel."
    if elsewhere:
        hint = f"It's in another workspace, and stays there unless you choose one here. {hint}"
    digest_hint = "A summary of every account, even when all is well. Needs a channel."
    return kit.modal(
        TITLE,
        [
            kit.entry(CHANNEL, "Channel", _channel(chosen, elsewhere=elsewhere), hint=hint, optional=True),
            kit.entry(DAYS, "Warn before a sign-in expires", _days(chosen), optional=True),
            kit.entry(DIGEST, "Digest", _digest(chosen), hint=digest_hint),
            kit.entry(ZONE, "Time zone", _zone(chosen)),
            kit.entry(FROM, "Quiet hours from", _clock(chosen.quiet_from, chosen), optional=True),
            kit.entry(TO, "Quiet hours to", _clock(chosen.quiet_to, chosen), optional=True),
        ],
        callback_id="alerts.saved",
        submit="Save",
        close="Cancel",
        metadata=f"{chosen.organization_id}/",
    )


def _channel(chosen: AlertSettings, *, elsewhere: bool) -> Json:
    element: Json = {
        "type": "conversations_select",
        "action_id": "select",
        "placeholder": kit.plain("Keep current channel" if elsewhere else "No channel (send DMs)", 150),
        "filter": {
            "include": ["public", "private"],
            "exclude_bot_users": True,
            "exclude_external_shared_channels": True,  # people of other companies read them
        },
    }
    if chosen.channel_id and not elsewhere:
        element["initial_conversation"] = chosen.channel_id
    return element


def _days(chosen: AlertSettings) -> Json:
    options = [kit.option(in_days(day), str(day)) for day in REMINDER_DAYS]
    picked = [option for option in options if int(option["value"]) in chosen.reminder_days]
    element: Json = {
        "type": "multi_static_select",
        "action_id": "select",
        "placeholder": kit.plain("Add a day", 150),
        "options": options,
    }
    return element | ({"initial_options": picked} if picked else {})


def _digest(chosen: AlertSettings) -> Json:
    options = [kit.option(words, word) for word, words in DIGESTS.items()]
    return {
        "type": "static_select",
        "action_id": "select",
        "options": options,
        "initial_option": next(option for option in options if option["value"] == chosen.digest),
    }


def _zone(chosen: AlertSettings) -> Json:
    return {
        "type": "external_select",
        "action_id": "alerts.zone",
        "min_query_length": 2,
        "initial_option": kit.option(chosen.timezone, chosen.timezone),
    }


def _clock(hour: str, chosen: AlertSettings) -> Json:
    element: Json = {
        "type": "timepicker",
        "action_id": "select",
        "placeholder": kit.plain("None", 150),
        "timezone": chosen.timezone,
    }
    return element | ({"initial_time": hour} if hour else {})


def zone_options(zones: Sequence[str]) -> list[Json]:
    """Return the options of the time zone typeahead."""
    return [kit.option(name, name) for name in zones]


def saved(organization: str, chosen: AlertSettings, *, elsewhere: bool) -> Json:
    """Return the modal after everything was saved."""
    return kit.modal(TITLE, [kit.words("✅ Saved."), *settings(organization, chosen, elsewhere=elsewhere)])


def hello(organization: str, by: str) -> Message:
    """Return the first message in a channel that was chosen."""
    text = f"I'll post here when one of {organization}'s accounts needs reconnecting."
    who = {"type": "context", "elements": [kit.mrkdwn(f"Set up by {by}. Change it with `/octapost alerts`.")]}
    return Message(text=text, blocks=[kit.words(f"👋 {text}"), who])


def test(organization: str, by: str) -> Message:
    """Return the test message."""
    text = f"This is a test. Alerts for {organization} arrive here."
    who = {"type": "context", "elements": [kit.mrkdwn(f"{by} sent it. Nothing to do.")]}
    return Message(text=text, blocks=[kit.words(f"🔔 {text}"), who])
