"""How an account is doing, as one value: what is wrong, since when, in words, and the one thing to do.

`/octapost status`, `/octapost doctor`, the account cards, the App Home and the expiry ladder all ask here,
so that no two of them can disagree. Nothing here speaks to a platform: a diagnosis is what the last answers
came to. Words are for people; the platform's code goes along in small print.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.base import Capability, Platform, Refresh, Scope
from bot.services.accounts.catalog import OVER
from bot.services.incidents.reasons import DATA_ACCESS
from bot.services.tokens.policy import ACCOUNTS_ONLY, BREAKER_HISTORY_MIN, TESTING_WEEK, renewable, tripped
from bot.views.reasons import reason_text, remedy_text
from storage.models import GrantStatus
from storage.tallies import recent_tallies

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Account, Grant
    from storage.refreshes import Tally

SILENT_CALLS = 3
"""So many unanswered refreshes, and none that was answered, make an outage of the whole platform."""
SILENT_MIN = 30
SOON = timedelta(days=14)
"""How long before its end a sign-in is said to be ending: the first rung of the usual ladder."""
LONGEST_NOTICE = timedelta(days=30)
"""The longest time before its end that an organization can ask to be told of it."""
OVERDUE = timedelta(hours=1)
LOST_PATIENCE = 3
"""Refreshes that came to nothing before the account's dot changes: two are weather."""

PUBLISH_APP = (
    "Whoever runs Octapost has to set the Google app's publishing status to “In production”; until then each"
    " reconnect lasts 7 days."
)


class Severity(StrEnum):
    """The dot in front of an account; never shown without words."""

    GREEN = "🟢"
    YELLOW = "🟡"
    ORANGE = "🟠"
    RED = "🔴"
    WAITING = "⏳"


class Remedy(StrEnum):
    """What a person can do about it: the button a diagnosis comes with."""

    NOTHING = "nothing"
    RECONNECT = "reconnect"
    FINISH = "finish"
    """A consent is stored and its platform fell silent: the message with the button is in Slack."""
    OPERATOR = "operator"
    """Only whoever runs this installation can mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is the matter with one account."""

    light: Severity
    state: str
    """A few words behind the dot."""
    sentence: str
    """What is so, and why."""
    advice: str = ""
    """What to do; empty when there is nothing to say about that."""
    fix: Remedy = Remedy.NOTHING
    since: datetime | None = None
    code: str = ""
    """The platform's or our code, for the small print."""
    site: str = ""
    """The platform's site, where the person has something to do there first."""

    @property
    def status(self) -> str:
        """Return the dot with its words; never the dot alone."""
        return f"{self.light.value} {self.state}"

    @property
    def fine(self) -> bool:
        """Tell whether nothing at all is the matter."""
        return self.light is Severity.GREEN

    @property
    def broken(self) -> bool:
        """Tell whether nothing can be published until somebody signs in again."""
        return self.light is Severity.RED


# The platform as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformHealth:
    """How a platform is doing for everybody."""

    silent_since: datetime | None = None
    """Since when it has answered nobody."""
    doubted: bool = False
    """The breaker is open: it calls so many sign-ins over that we don't believe it yet."""

    @property
    def clear(self) -> bool:
        """Tell whether there is nothing to say about it."""
        return self.silent_since is None and not self.doubted

    def words(self, platform: Platform) -> str:
        """Return one sentence for everybody, or nothing."""
        if self.silent_since is not None:
            return f"{platform.name} isn't answering anybody right now. Nothing to do; posts wait."
        if self.doubted:
            return (
                f"{platform.name} calls many sign-ins over at once, which is more likely its mistake than theirs."
                " Nothing to do; we look again before anybody is asked to reconnect."
            )
        return ""


NO_OUTAGE = PlatformHealth()


def health_from(tallies: Mapping[int, Tally], minute: int) -> PlatformHealth:
    """Return what a platform's refreshes, counted minute by minute, say about it at `minute` (Unix time / 60).

    Silent is who has left the last few refreshes unanswered and answered none since; what it answered
    before does not count. Long ago is not now: an hour without any refresh says nothing.
    """
    heard = max((m for m, t in tallies.items() if t.fresh or t.dead), default=0)
    unanswered = {m: t.busy for m, t in tallies.items() if m >= heard and t.busy and not t.fresh}
    recent = any(m >= minute - SILENT_MIN for m in unanswered)
    silent = recent and sum(unanswered.values()) >= SILENT_CALLS
    return PlatformHealth(
        silent_since=datetime.fromtimestamp(min(unanswered) * 60, UTC) if silent else None,
        doubted=tripped(tallies, minute),
    )


class HealthReader:
    """Asks the database how the platforms are doing. Built once, in `bot.app`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Task[Mapping[str, PlatformHealth]] | None = None

    async def now(self) -> Mapping[str, PlatformHealth]:
        """Return the platforms there is something to say about, from all replicas' counts.

        It is the same for everybody, so whoever asks while it is being read shares that.
        """
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._answered)
        return await asyncio.shield(self._asking)

    def _answered(self, _asked: asyncio.Task[Mapping[str, PlatformHealth]]) -> None:
        self._asking = None

    async def _ask(self) -> Mapping[str, PlatformHealth]:
        minute, counted = await recent_tallies(self._database.autocommit, 2 * BREAKER_HISTORY_MIN)
        found = {key: health_from(tallies, minute) for key, tallies in counted.items()}
        return {key: each for key, each in found.items() if not each.clear}


# One account


def ends_at(platform: Platform, grant: Grant) -> datetime | None:
    """Return when only a person can go on, although nobody does anything, or None: not by the clock.

    A refresh token's end counts before the access token's. The access token's end does not count where accounts
    work without it, nor where it is so close that every exchange comes after it.
    """
    if grant.refresh_sealed is not None:
        return grant.refresh_expires_at
    access = None if platform.account_tokens or _short_lived(platform) else grant.access_expires_at
    data = None if platform.data_access_window is None else grant.data_access_expires_at
    return min((end for end in (access, data) if end is not None), default=None)


def only_data_ends(platform: Platform, grant: Grant) -> bool:
    """Tell whether at `ends_at` the platform stops showing us data, while the tokens work on."""
    if platform.data_access_window is None or grant.refresh_sealed is not None:
        return False
    return (
        grant.data_access_expires_at is not None and ends_at(platform, grant) == grant.data_access_expires_at
    )


def _short_lived(platform: Platform) -> bool:
    """Tell whether an exchanged token is always about to end, so that its end is no reason to warn anybody."""
    life = platform.access_lifetime
    return platform.refresh is Refresh.EXCHANGE and (life is None or life <= LONGEST_NOTICE)


def works_until(grant: Grant) -> datetime | None:
    """Return when the last of the tokens we hold is over, or None: not by the clock.

    A LinkedIn partner's access token may outlive the refresh token that it came of.
    """
    if grant.refresh_sealed is None:
        return grant.access_expires_at
    last = grant.refresh_expires_at
    return None if last is None else max(last, grant.access_expires_at or last)


def lapsed(platform: Platform, grant: Grant, now: datetime) -> bool:
    """Tell whether the tokens we hold are over by the clock, and nothing else of the account's goes on.

    Never where accounts have tokens of their own: they may work on, so only the platform knows.
    """
    end = works_until(grant)
    return not platform.account_tokens and end is not None and end <= now


def in_words(span: timedelta) -> str:
    """Return a time span as people say it."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    if round(hours) < 48:
        return f"{round(hours)} hours" if round(hours) > 1 else "1 hour"
    return f"{round(hours / 24)} days"


def expiry(platform: Platform, grant: Grant, now: datetime) -> str:
    """Return until when a living sign-in needs nobody, in words."""
    end, last = ends_at(platform, grant), works_until(grant)
    if renewable(platform, grant):
        if grant.access_expires_at is None and grant.refresh_sealed is None and end is None:
            return "Doesn't expire by itself."
        exchanged = platform.refresh is Refresh.EXCHANGE and end == last
        if end is None or (exchanged and end - now > LONGEST_NOTICE):
            return "Renews itself."
        if end <= now and last is not None:
            left = in_words(last - now)
            return (
                f"Nothing renews it any more: {platform.name} ends this sign-in in {left};"
                " then somebody has to sign in again."
            )
        return f"Renews itself for another {in_words(end - now)}; then somebody has to sign in again."
    if end is None:
        return "Doesn't expire by itself."
    return f"{platform.name} ends this sign-in in {in_words(end - now)}; then somebody has to sign in again."


def diagnose(
    account: Account,
    grant: Grant | None,
    platform: Platform,
    *,
    can: Iterable[Capability],
    missing: Sequence[Scope],
    offered: bool = True,
    health: PlatformHealth = NO_OUTAGE,
    warned: bool = False,
    now: datetime | None = None,
) -> Diagnosis:
    """Return what is the matter with an account; of several things, the one to mend first.

    `offered`: this installation still has the app that the account was connected with. `warned`: a card says
    already that it needs somebody.
    """
    now = now or datetime.now(UTC)
    if grant is None or grant.status in OVER or lapsed(platform, grant, now):
        return _over(platform, grant)
    if account.access_error:
        return _lost(account, platform)
    for found in (
        _ours(platform, grant, offered=offered),
        _theirs(platform, health),
        _cannot_publish(account, platform, frozenset(can), missing),
        _doubtful(account, platform),
        _uncertain(platform, grant, now),
        _ending(platform, grant, now, warned=warned),
        _unanswered(platform, grant, now),
    ):
        if found is not None:
            return found
    if missing:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, some permissions missing",
            sentence=expiry(platform, grant, now),
            advice="Reconnect and leave everything ticked to get them back.",
            fix=Remedy.RECONNECT,
        )
    return Diagnosis(light=Severity.GREEN, state="connected", sentence=expiry(platform, grant, now))


def tally(found: Sequence[Diagnosis]) -> str:
    """Return how many accounts there are and how many of them need a person."""
    broken = sum(each.broken for each in found)
    other = sum(not each.fine and not each.broken for each in found)
    many = f"{len(found)} accounts" if len(found) != 1 else "1 account"
    if not (broken or other):
        return f"{many}, all connected." if found else "no accounts yet."
    need = f"{broken} needs reconnecting" if broken == 1 else f"{broken} need reconnecting"
    look = f"{other} needs a look" if other == 1 else f"{other} need a look"
    return f"{many}, {' and '.join(filter(None, (need if broken else '', look if other else '')))}."


def worst(found: Sequence[Diagnosis]) -> Severity:
    """Return the dot that stands for all of them: the one that wants a person the most."""
    lights = {each.light for each in found}
    by_weight = (Severity.RED, Severity.ORANGE, Severity.YELLOW, Severity.WAITING)
    return next((one for one in by_weight if one in lights), Severity.GREEN)


def _over(platform: Platform, grant: Grant | None) -> Diagnosis:
    """A sign-in that is over, for whatever reason."""
    state = "needs reconnecting"
    if grant is None or grant.status == GrantStatus.ENDED:
        sentence = "The sign-in is over: reconnect it."
        return Diagnosis(
            light=Severity.RED, state=state, sentence=sentence, fix=Remedy.RECONNECT, code="removed"
        )
    if grant.status != GrantStatus.NEEDS_RECONNECT:
        sentence, ended = "The sign-in has expired: reconnect it.", works_until(grant)
        return Diagnosis(
            light=Severity.RED,
            state=state,
            sentence=sentence,
            fix=Remedy.RECONNECT,
            since=ended,
            code="expired",
        )
    site = platform.sign_in_first.get(grant.reason, "")
    advice = "Press Reconnect and sign in as somebody who manages this account."
    if site:
        advice = f"Sign in at {site} and do what it asks, then press Reconnect."
    elif grant.reason == TESTING_WEEK:
        advice = f"Press Reconnect. {PUBLISH_APP}"
    return Diagnosis(
        light=Severity.RED,
        state=state,
        sentence=f"The sign-in is over: {reason_text(platform, grant.reason)}.",
        advice=advice,
        fix=Remedy.RECONNECT,
        since=grant.checked_at,
        code=grant.reason,
        site=f"https://www.{site}/" if site else "",
    )


def _lost(account: Account, platform: Platform) -> Diagnosis:
    """An account that a living sign-in lets us act for no more."""
    return Diagnosis(
        light=Severity.RED,
        state="needs reconnecting",
        sentence=f"{platform.name} doesn't let us act for it any more: {reason_text(platform, account.access_error)}.",
        advice=remedy_text(account.access_error),
        fix=Remedy.RECONNECT,
        since=account.suspected_at,
        code=account.access_error,
    )


def _doubtful(account: Account, platform: Platform) -> Diagnosis | None:
    """An account of which the platform said so once."""
    if account.suspected_at is None:
        return None
    return Diagnosis(
        light=Severity.YELLOW,
        state="connected, being checked",
        sentence=(
            f"{platform.name} said that we can't act for it any more. We ask a second time before we believe it."
        ),
        advice="Nothing to do yet.",
        since=account.suspected_at,
        code="suspected",
    )


def _ours(platform: Platform, grant: Grant, *, offered: bool) -> Diagnosis | None:
    """What is the operator's to mend, and what is half done."""
    if not offered:
        return Diagnosis(
            light=Severity.ORANGE,
            state="not set up any more",
            sentence=f"This installation has no {platform.name} app any more, so nothing can be renewed.",
            advice="Whoever runs Octapost has to put its credentials back.",
            fix=Remedy.OPERATOR,
            code="no_credentials",
        )
    if grant.status == GrantStatus.PENDING:
        return Diagnosis(
            light=Severity.WAITING,
            state="finishing",
            sentence=f"{platform.name} hasn't said yet what this sign-in covers.",
            advice="Press Finish connecting in the message we sent in Slack.",
            fix=Remedy.FINISH,
        )
    kind, code = grant.last_outcome, grant.last_error_code
    if kind == "Misconfigured":
        return Diagnosis(
            light=Severity.ORANGE,
            state="connected, but the app was refused",
            sentence=f"{platform.name} refuses this installation's app, not your account.",
            advice="Whoever runs Octapost has to fix it and has been told. Nothing for you to do.",
            fix=Remedy.OPERATOR,
            since=grant.checked_at,
            code=code,
        )
    return None


def _theirs(platform: Platform, health: PlatformHealth) -> Diagnosis | None:
    """What is wrong with the whole platform, and so with none of its accounts."""
    if health.clear:
        return None
    silent = health.silent_since is not None
    return Diagnosis(
        light=Severity.YELLOW,
        state=f"connected, {platform.name} isn't answering" if silent else "connected, being checked",
        sentence=health.words(platform),
        since=health.silent_since,
        code="outage" if silent else "breaker_open",
    )


def _cannot_publish(
    account: Account, platform: Platform, can: frozenset[Capability], missing: Sequence[Scope]
) -> Diagnosis | None:
    if Capability.PUBLISH in can:
        return None
    if str(Capability.PUBLISH) in account.missing:
        sentence = f"The role of the person who connected it doesn't allow publishing on {platform.name}."
        advice = f"Ask somebody who manages {account.name} for that role, then press Reconnect."
    else:
        needed = [scope.name for scope in missing if Capability.PUBLISH in scope.unlocks]
        sentence = (
            f"It doesn't have the permission to publish ({', '.join(needed)}): that was left out when somebody signed"
            " in, or taken back since."
        )
        advice = "Press Reconnect and leave everything ticked."
    return Diagnosis(
        light=Severity.ORANGE,
        state="connected, but can't publish",
        sentence=sentence,
        advice=advice,
        fix=Remedy.RECONNECT,
        site=account.url,
    )


def _uncertain(platform: Platform, grant: Grant, now: datetime) -> Diagnosis | None:
    """A platform's word that is being looked into, or that is only half of the story."""
    kind, code = grant.last_outcome, grant.last_error_code
    if kind == ACCOUNTS_ONLY:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, the person's sign-in is over",
            sentence=(
                f"Publishing goes on with the account's own access, but the sign-in of the person who connected it"
                f" is over: {reason_text(platform, code)}."
            ),
            advice="Press Reconnect when you have a minute, so that it can also be looked after again.",
            fix=Remedy.RECONNECT,
            since=grant.checked_at,
            code=code,
        )
    if grant.suspected_at is not None:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, being checked",
            sentence=f"{platform.name} said that this sign-in is over. We ask a second time before we believe it.",
            advice="Nothing to do yet.",
            since=grant.suspected_at,
            code=code,
        )
    if grant.in_doubt:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, being checked",
            sentence=f"{platform.name}'s answer to the last renewal got lost on the way. We ask again.",
            advice="Nothing to do yet.",
            since=grant.checked_at,
            code=code,
        )
    if platform.account_tokens and (grant.access_expires_at or now) < now:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, being checked",
            sentence=f"The time of the person's sign-in is up. We ask {platform.name} what works without it.",
            advice="Nothing to do yet.",
            since=grant.access_expires_at,
        )
    return None


def _ending(platform: Platform, grant: Grant, now: datetime, *, warned: bool) -> Diagnosis | None:
    """A sign-in that a person has to renew soon, or earlier if the organization wanted to know that early."""
    end = ends_at(platform, grant)
    if end is None or (end - now > SOON and not warned):
        return None
    window = platform.data_access_window if only_data_ends(platform, grant) else None
    over = window is not None and end <= now
    if window is not None and over:
        sentence = (
            f"{platform.name} shows us no more of its data, because the person who connected it hasn't signed in"
            f" there by way of Octapost for {window.days} days."
        )
        state = "connected, its data is shown no longer"
    elif window is not None:
        left = in_words(end - now)
        sentence = f"{platform.name} shows us its data for another {left}, unless the person signs in again."
        state = "connected, ends soon"
    else:
        sentence, state = expiry(platform, grant, now), "connected, ends soon"
    return Diagnosis(
        light=Severity.ORANGE if over else Severity.YELLOW,
        state=state,
        sentence=sentence,
        advice="Press Reconnect; it takes a minute.",
        fix=Remedy.RECONNECT,
        since=end if over else None,
        code="ends" if window is None else DATA_ACCESS,
    )


def _unanswered(platform: Platform, grant: Grant, now: datetime) -> Diagnosis | None:
    """Renewals, or looks where there are none, that came to nothing for this grant, or that nobody makes."""
    renewed = renewable(platform, grant)
    if grant.due_at is not None and now - grant.due_at > OVERDUE and (grant.lease_until or now) <= now:
        return Diagnosis(
            light=Severity.YELLOW,
            state="connected, renewal overdue" if renewed else "connected, check overdue",
            sentence=(
                f"It should have been {'renewed' if renewed else 'looked at'} by now, but Octapost's background work"
                " isn't running."
            ),
            advice="Whoever runs Octapost has to start it.",
            fix=Remedy.OPERATOR,
            since=grant.due_at,
            code="overdue",
        )
    kind, code = grant.last_outcome, grant.last_error_code
    if kind not in {"Busy", "OutcomeUnknown", "TokenRefused", "Rejected"} or grant.failures < LOST_PATIENCE:
        return None
    return Diagnosis(
        light=Severity.YELLOW,
        state="connected, renewal delayed" if renewed else "connected, check delayed",
        sentence=(
            f"{platform.name} hasn't answered our last {grant.failures} tries to"
            f" {'renew it' if renewed else 'see whether it still holds'}. We keep trying."
        ),
        advice="Nothing to do; posts wait.",
        since=grant.checked_at,
        code=code,
    )
