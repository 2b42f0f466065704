"""Incidents: the card, the digest, and the notice that a channel takes no messages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import BY_PLATFORM, Blocker
from bot.services.accounts.diagnosis import worst
from bot.services.accounts.problems import Severity
from bot.services.incidents.snoozes import choices
from bot.views import diagnosis, kit, reminders, sign_in_as
from bot.views.kit import Message
from bot.views.reasons import SLACK_REASONS, reason_text, remedy_text
from bot.views.times import days_until, in_days, moment
from storage.models import IncidentKind, LateAnswer, Resolution, utc_now
from storage.posts import APART

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.base import Platform
    from bot.services.incidents.card_facts import IncidentCard
    from bot.services.incidents.digests import DigestFacts
    from bot.services.incidents.notifications import AlertsChannelLost, CardMoved
    from bot.views.kit import Json
    from storage.models import Incident, Membership

NAMES_SHOWN = 5
SPACED = f"They go out at least {APART.seconds // 60} minutes apart on each account."
"""Why late posts are not all published at once."""


def names_of(one: IncidentCard) -> str:
    """Return the names of the incident's accounts: the first few, and how many more there are."""
    return _named(one.incident.accounts.values())


def _named(accounts: Iterable[str]) -> str:
    found = list(accounts)
    rest = len(found) - NAMES_SHOWN
    return kit.listed(found[:NAMES_SHOWN] + ([f"{rest} more"] if rest > 0 else []))


def card(one: IncidentCard) -> Message:
    """Return the card of an incident, as it is now."""
    incident = one.incident
    sign, text = headline(one)
    blocks = [kit.words(f"{sign} {text}")]
    states = [waits(one), care(incident, kit.mention(one.claimer)) if incident.open else "", answered(one)]
    blocks += [kit.section(state) for state in states if state]
    blocks += _question(one)
    if details := _details(one):
        blocks.append({"type": "context", "elements": [kit.mrkdwn(line) for line in details]})
    if incident.open:
        blocks += [*sign_in_as.block(one.sign_in_as, one.platform), _buttons(one)]
    return Message(text=text, blocks=blocks)


def waits(one: IncidentCard) -> str:
    """Return how many posts wait for the reconnect and when the first is due, in mrkdwn; empty if there are none."""
    if one.waiting is None or one.waiting.first is None:
        return ""
    many, first = one.waiting.posts > 1, one.waiting.first
    posts = kit.posts(one.waiting.posts, "scheduled")
    if one.incident.kind == IncidentKind.EXPIRING:
        due = "are due after that, the first" if many else "is due after that,"
        return f"🗓️ {posts} {due} {moment(first)}."
    verb = "is" if first > utc_now() else "was"
    due = f"are waiting; the first {verb} due" if many else f"is waiting; it {verb} due"
    return f"🗓️ {posts} {due} {moment(first)}."


def _question(one: IncidentCard) -> list[Json]:
    """Return the question whether to publish late posts, with its buttons."""
    if not one.late:
        return []
    all_of_them = one.incident.accounts.keys() <= one.incident.renewed.keys()
    whose = "" if all_of_them else f" of {_named(one.incident.renewed.values())}"
    many = one.late > 1
    asked = f"{kit.posts(one.late)}{whose} {were(one.late)} due meanwhile."
    discard = kit.confirm(
        f"Discard {kit.posts(one.late, 'late')}?",
        f"{'They' if many else 'It'} won't be published, and you can't bring {'them' if many else 'it'} back.",
        "Discard",
        "Keep",
    )
    blocks = [
        kit.words(f"{asked} Publish {'them' if many else 'it'} now?"),
        kit.actions(
            kit.button("Publish now", "incident.publish", one.value, style="primary"),
            kit.button("Discard…", "incident.discard", one.value, style="danger", confirm=discard),
        ),
    ]
    return [*blocks, kit.fine_print(SPACED)] if many else blocks


def were(count: int) -> str:
    """Return the verb for so many posts."""
    return "was" if count == 1 else "were"


def them(count: int) -> str:
    """Return the pronoun for so many accounts."""
    return "it" if count == 1 else "them"


def answered(one: IncidentCard) -> str:
    """Return who decided what about late posts, in mrkdwn; empty if nobody has."""
    incident, by = one.incident, kit.mention(one.answerer)
    return decided(incident.late_answer, incident.late_posts, by) if incident.late_answer else ""


def decided(answer: str, late: int, by: str) -> str:
    """Return what happens to late posts, in mrkdwn; `by` names the person who decided."""
    posts, many = kit.posts(late, "late"), late > 1
    if answer == LateAnswer.RELEASED:
        said = f"▶️ {posts} {'go' if many else 'goes'} out now, approved by {by}."
        return f"{said} {SPACED}" if many else said
    return f"🗑️ {posts} {were(late)} discarded by {by}."


def headline(one: IncidentCard) -> tuple[str, str]:
    """Return the card's sign and its sentence: plain text, with people's own words in it."""
    incident, who = one.incident, f"{one.platform.name}: {names_of(one)}"
    count = len(incident.accounts)
    if not incident.open:
        return {
            Resolution.DISCONNECTED: (
                "⚪",
                f"{who} {were(count)} disconnected from {one.organization}. Nothing to do.",
            ),
            Resolution.DELETED: ("⚪", f"{who}: the organization was deleted. Nothing to do."),
        }.get(Resolution(incident.resolution), ("🟢", f"{who} can {_well_again(one)}."))
    if incident.kind == IncidentKind.EXPIRING:
        if incident.reminder_day == 0:
            return "🟠", reminders.data_ended(one.platform, names_of(one), one.organization)
        days = days_until(incident.deadline) if incident.deadline else incident.reminder_day or 1
        return "🟡", reminders.ends_within(one.platform, days, names_of(one), one.organization)
    if incident.code in BY_PLATFORM:
        return (
            "🔴",
            f"{who} can't publish for {one.organization} until {one.platform.name} unblocks {them(count)}.",
        )
    return (
        "🔴",
        f"{who} {'needs' if count == 1 else 'need'} reconnecting. Until then, {one.organization} can't publish there.",
    )


def _well_again(one: IncidentCard) -> str:
    """Return what the accounts can do after the incident: "again" only if publishing was interrupted."""
    broke = one.incident.kind == IncidentKind.NEEDS_RECONNECT
    return f"publish for {one.organization} again" if broke else f"keep publishing for {one.organization}"


def _details(one: IncidentCard) -> list[str]:
    """Return the lines in small print, in mrkdwn."""
    incident = one.incident
    if not incident.open:
        at = f" {moment(incident.resolved_at)}" if incident.resolved_at else ""
        return [*filter(None, [ended(one, at)]), f"Open since {moment(incident.since)}."]
    lines = []
    if incident.kind == IncidentKind.NEEDS_RECONNECT:
        lines.append(f"*Why:* {reason_text(one.platform, incident.code)}. *Since* {moment(incident.since)}.")
        if incident.code in BY_PLATFORM:
            lines.append(remedy_text(one.platform, incident.code))
        elif incident.grant_still_valid:
            lines.append(
                f"Other accounts on this sign-in still work. {remedy_text(one.platform, incident.code)}"
            )
    else:
        word = "Ended" if incident.reminder_day == 0 else "Ends"
        ends = f" *{word}* {moment(incident.deadline)}." if incident.deadline else ""
        lines.append(f"*Why:* {reminders.why(one.platform, incident.code, one.lasts)}{ends}")
    lines.append(f"Connected by {kit.mention(one.connector)}.")
    if one.lost_channel:
        reason = SLACK_REASONS.get(incident.card.channel_error, "Slack didn't take it")
        lines.append(
            f"I'm sending this directly because I can't post in <#{one.lost_channel}>: {reason}."
            " Choose another channel with `/octapost alerts`."
        )
    return lines


def ended(one: IncidentCard, at: str = "") -> str:
    """Return how the incident was resolved, in mrkdwn; empty if the card's sentence already says it.

    `at` is the time of that, as the end of a sentence.
    """
    incident = one.incident
    if incident.open:
        return ""
    by = f" by {kit.mention(one.resolver)}" if incident.resolved_by else ""
    return how_it_ended(Resolution(incident.resolution), one.platform, f"{by}{at}", incident.released)


def how_it_ended(how: Resolution, platform: Platform, by: str, released: int) -> str:
    """Return how an incident was resolved, in mrkdwn; empty if the card's sentence already says it.

    `by` says who did it and when, if that is known.
    """
    freed = f", {kit.posts(released)} released" if released else ""
    return {
        Resolution.ELSEWHERE: f"Reconnected by another organization that shares this sign-in{freed}.",
        Resolution.RENEWED: f"{platform.name} extended the sign-in. Nothing to do.",
        Resolution.ACCESS_BACK: f"{platform.name} gave us access again. Nothing to do.",
        Resolution.RECONNECTED: f"Reconnected{by}{freed}.",
        Resolution.DISCONNECTED: f"Disconnected{by}.",
    }.get(how, "")


def care(incident: Incident, claimer: str) -> str:
    """Return what is being done about an open incident, in mrkdwn; empty if nothing is.

    `claimer` names the person who claimed it, if somebody did.
    """
    if incident.claimed_by:
        return f"🙋 {claimer} is on it."
    if incident.snoozed_until:
        return f"💤 Snoozed until {moment(incident.snoozed_until)}."
    if incident.escalated_at:
        return "⏫ No one has picked this up, so I asked the owners."
    return ""


def _buttons(one: IncidentCard) -> Json:
    incident, value = one.incident, one.value
    options = [
        kit.option(f"For {_span(span)}" if span else "Until it expires", f"{value}:{key}")
        for key, span in choices(incident).items()
    ]
    snooze: Json = {
        "type": "static_select",
        "action_id": "incident.snooze",
        "placeholder": kit.plain("Snooze", 150),
        "options": options,
    }
    claim = (
        kit.button("Release", "incident.unclaim", value)
        if incident.claimed_by
        else kit.button("Claim", "incident.claim", value)
    )
    return kit.actions(
        *main_button(one),
        claim,
        snooze,
        *([] if incident.code in BY_PLATFORM else [kit.button("Who can do this?", "incident.who", value)]),
    )


def main_button(one: IncidentCard) -> list[Json]:
    """Return the button that helps: Reconnect, or where the platform alone can help, the way to its page."""
    code = one.incident.code
    if code not in BY_PLATFORM:
        return [kit.button("Reconnect", "incident.reconnect", one.value, style="primary")]
    page = one.platform.unlock_pages.get(Blocker(code))
    if page is None:
        return []
    return [kit.link(f"Open {one.platform.name}'s page", "account.open", f"https://{page}", style="primary")]


def _span(span: timedelta) -> str:
    """Return a length of time in words: in days if it is whole days, otherwise in hours."""
    if span % timedelta(days=1) == timedelta(0):
        return in_days(span // timedelta(days=1))
    hours = span // timedelta(hours=1)
    return f"{hours} hours" if hours > 1 else "1 hour"


def moved(one: CardMoved) -> Message:
    """Return what replaces a card in direct messages after it moved to a channel."""
    ours = f"➡️ This card moved to <#{one.channel_id}>."
    return Message(text=ours, blocks=[kit.section(ours)], ours=True)


def outdated(one: IncidentCard) -> Message:
    """Return what replaces a card that could not be updated for a while."""
    sign, text = headline(one)
    if one.incident.open:
        sign, text = "➡️", "I can't post here any more, so I sent this card to someone directly."
    return Message(text=text, blocks=[kit.words(f"{sign} {text}")])


def withdrawn() -> Message:
    """Return what replaces a card whose recipient may no longer read it: no names."""
    ours = "➡️ I can't show this card here any more."
    return Message(text=ours, blocks=[kit.section(ours)], ours=True)


def claimed_by(holder: Membership | None) -> Message:
    """Return the private answer to the second person who claims an incident."""
    said = f"{kit.mention(holder)} is already on it. You can still press *Reconnect* yourself."
    return Message(text="Someone is already on it.", blocks=[kit.section(said)])


def digest(one: DigestFacts) -> Message:
    """Return the digest: how many accounts are well, as the home tab counts them, and the open incidents."""
    open_, severity = one.incidents, worst(one.accounts)
    fine = severity is Severity.GREEN
    well = fine and not open_
    text = f"{one.organization}: {diagnosis.tally(one.accounts)}"
    if well:
        text = f"All is well with {text}"
    blocks = [kit.words(f"{diagnosis.DOTS[Severity.YELLOW if open_ and fine else severity]} {text}")]
    worst_first = sorted(open_, key=lambda card: card.incident.kind == IncidentKind.EXPIRING)
    lines = [" ".join(headline(card)) for card in worst_first[:10]]
    if len(open_) > len(lines):
        lines.append(f"… and {len(open_) - len(lines)} more.")
    if not well:
        lines.append("`/octapost doctor` says why, and what to do.")
    if lines:
        blocks.append(kit.words("\n".join(lines)))
    again = f"Sent every {one.every}, so you know I'm still watching. Change it with /octapost alerts."
    return Message(text=text, blocks=[*blocks, kit.fine_print(again)])


def channel_lost(one: AlertsChannelLost) -> Message:
    """Return the message to admins after Slack refused a message in the alerts channel."""
    reason = SLACK_REASONS.get(one.code, "Slack didn't take my message")
    text = f"I can't post in your alerts channel any more: {reason}."
    more = (
        f"<#{one.channel_id}> · Choose another one with `/octapost alerts`. Until then, I'll message people"
        " directly."
    )
    return Message(text=text, blocks=[kit.words(f"📭 {text}"), kit.section(more)])
