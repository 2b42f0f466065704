"""A diagnosis in words: the dot with its state, what the matter is and why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.services.accounts.diagnosis import Diagnosis
from bot.services.accounts.problems import Problem, Remedy, Severity
from bot.services.tokens.lifetimes import Expiry
from bot.services.tokens.policy import TESTING_WEEK
from bot.views import kit
from bot.views.reasons import reason_text, remedy_text
from bot.views.times import in_days, in_words

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.accounts.health import PlatformHealth
    from bot.services.accounts.problems import CannotPublish
    from bot.services.tokens.lifetimes import Lifetime

DOTS: Mapping[Severity, str] = {
    Severity.GREEN: "🟢",
    Severity.YELLOW: "🟡",
    Severity.ORANGE: "🟠",
    Severity.RED: "🔴",
    Severity.WAITING: "⏳",
}
"""The dot in front of an account; never shown without words."""
BROKEN, CHECKED = "needs reconnecting", "connected, being checked"
CANNOT_PUBLISH = "connected, but it can't publish yet"
STATES: Mapping[Problem, str] = {
    Problem.NONE: "connected",
    Problem.GRANT_REMOVED: BROKEN,
    Problem.GRANT_EXPIRED: BROKEN,
    Problem.GRANT_DEAD: BROKEN,
    Problem.GRANT_REFUSED: BROKEN,
    Problem.ACCOUNT_LOST: BROKEN,
    Problem.ACCOUNT_BLOCKED: "connected, but {platform} has blocked it",
    Problem.NOT_CONFIGURED: "no longer set up",
    Problem.UNFINISHED: "finishing",
    Problem.APP_REFUSED: "connected, but the app was refused",
    Problem.PLATFORM_SILENT: "connected, {platform} isn't answering",
    Problem.PLATFORM_DOUBTED: CHECKED,
    Problem.ROLE_FORBIDS: CANNOT_PUBLISH,
    Problem.SCOPE_FORBIDS: CANNOT_PUBLISH,
    Problem.ACCOUNT_SUSPECTED: CHECKED,
    Problem.ACCOUNTS_ONLY: "connected, the person's sign-in has ended",
    Problem.GRANT_SUSPECTED: CHECKED,
    Problem.REFRESH_IN_DOUBT: CHECKED,
    Problem.ACCESS_EXPIRED: CHECKED,
    Problem.ENDING: "connected, ends soon",
    Problem.DATA_ENDING: "connected, ends soon",
    Problem.DATA_ENDED: "connected, stats unavailable",
    Problem.OVERDUE: "connected, {work} overdue",
    Problem.REFUSED_ALIKE: "refused by {platform}",
    Problem.REFUSED: "connected, {work} refused",
    Problem.UNANSWERED: "connected, {work} delayed",
    Problem.SCOPES_MISSING: "connected, some permissions missing",
}
PUBLISH_APP = (
    "Whoever runs Octapost has to set the Google app's publishing status to “In production”; until then each"
    " reconnect lasts 7 days."
)
NOTHING_YET, IT_TAKES_A_MINUTE = "Nothing to do yet.", "Press Reconnect. It takes a minute."


def status(found: Diagnosis) -> str:
    """Return the dot with its state; never the dot alone."""
    return f"{DOTS[found.severity]} {state(found)}"


def state(found: Diagnosis) -> str:
    """Return how the account is, in a few words."""
    work = "renewal" if found.renewable else "check"
    return STATES[found.problem].format(platform=found.platform.name, work=work)


def brief(found: Diagnosis) -> str:
    """Return how the account is and until when, in the few words that fit on a line."""
    if found.problem in {Problem.ENDING, Problem.DATA_ENDING}:
        return f"connected, {until(found.lifetime)}"
    if found.problem in {Problem.NONE, Problem.SCOPES_MISSING}:
        return f"{state(found)}, {until(found.lifetime)}"
    return state(found)


def until(lifetime: Lifetime) -> str:
    """Return how long a working grant lasts, in a few words."""
    left = in_words(lifetime.left)
    match lifetime.expiry:
        case Expiry.NEVER:
            return "doesn't expire"
        case Expiry.RENEWS:
            return "renews itself"
        case Expiry.RENEWAL_LATE:
            return f"not renewed for a while, expires in {left}"
        case Expiry.DATA_UNTIL:
            return f"next sign-in within {left}"
        case Expiry.RENEWS_UNTIL | Expiry.NOT_RENEWED | Expiry.ENDS:
            return f"expires in {left}"


def sentence(found: Diagnosis) -> str:
    """Return what the matter is, and why."""
    return SENTENCES[found.problem](found)


def advice(found: Diagnosis) -> str:
    """Return what to do; empty if there is nothing to say about that."""
    return ADVICE[found.problem](found) if found.problem in ADVICE else ""


def health(found: PlatformHealth, platform: Platform) -> str:
    """Return what is the matter with a platform for everybody; empty if nothing is."""
    if found.silent_since is not None:
        return _silent(platform)
    return _doubted(platform) if found.doubted else ""


def tally(found: Sequence[Diagnosis]) -> str:
    """Return how many accounts there are, and how many of them need a person.

    What nobody can do anything about, such as a platform's outage, is not counted.
    """
    broken = sum(each.broken and each.remedy is Remedy.RECONNECT for each in found)
    forbidden = sum(each.forbidden for each in found)
    other = sum(each.for_a_person for each in found) - broken - forbidden
    many = f"{len(found)} accounts" if len(found) != 1 else "1 account"
    if not (broken or forbidden or other):
        return f"{many}, all connected." if found else "no accounts yet."
    parts = [
        f"{broken} {'needs' if broken == 1 else 'need'} reconnecting" if broken else "",
        f"{forbidden} can't publish yet" if forbidden else "",
        f"{other} {'needs' if other == 1 else 'need'} a look" if other else "",
    ]
    return f"{many}, {kit.listed(filter(None, parts))}."


def cannot_publish(found: Sequence[CannotPublish], platform: Platform) -> list[str]:
    """Return why accounts that were just connected can't publish, and what to do; each reason once."""
    diagnoses = [Diagnosis(platform=platform, account=one.name, problem=one.problem) for one in found]
    return list(dict.fromkeys(f"{sentence(one)} {advice(one)}" for one in diagnoses))


def expiry(lifetime: Lifetime, platform: Platform) -> str:
    """Return how a working grant ends, and when."""
    left, again = in_words(lifetime.left), "then someone has to sign in again."
    match lifetime.expiry:
        case Expiry.NEVER:
            return "Doesn't expire by itself."
        case Expiry.RENEWS:
            return "Renews itself."
        case Expiry.RENEWAL_LATE:
            return f"Not renewed for a while. Unless a renewal works within {left}, someone has to sign in again."
        case Expiry.DATA_UNTIL:
            often = f" every {in_days(window.days)}" if (window := platform.data_access_window) else ""
            return f"Renews itself, but {platform.name} wants someone to sign in{often}: next within {left}."
        case Expiry.RENEWS_UNTIL:
            return f"Renews itself for another {left}; {again}"
        case Expiry.NOT_RENEWED:
            return f"Nothing renews it any more: {platform.name} ends this sign-in in {left}; {again}"
        case Expiry.ENDS:
            return f"{platform.name} ends this sign-in in {left}; {again}"


def _silent(platform: Platform) -> str:
    return f"{platform.name} is down. Nothing for you to do."


def _doubted(platform: Platform) -> str:
    return (
        f"{platform.name} has ended many sign-ins at once, which is probably its mistake."
        " Nothing for you to do: we check again before we ask anyone to reconnect."
    )


def _data_ended(one: Diagnosis) -> str:
    window = one.platform.data_access_window
    return (
        f"{one.platform.name} has stopped showing us its data: no one has signed in for it"
        f" in {in_days(window.days if window else 0)}."
    )


def _overdue(one: Diagnosis) -> str:
    done = "renewed" if one.renewable else "looked at"
    return f"It should have been {done} by now, but Octapost's background work isn't running."


def _unanswered(one: Diagnosis) -> str:
    return f"{one.platform.name} hasn't answered our last {one.failures} tries to {_purpose(one)}. We keep trying."


def _purpose(one: Diagnosis) -> str:
    return "renew it" if one.renewable else "see whether it still works"


def _dead(one: Diagnosis) -> str:
    if one.site:
        host = one.site.removeprefix("https://www.").rstrip("/")
        return f"Sign in at {host} and do what it asks, then press Reconnect."
    if one.code == TESTING_WEEK:
        return f"Press Reconnect. {PUBLISH_APP}"
    return "Press Reconnect and sign in as someone who manages this account."


SENTENCES: Mapping[Problem, Callable[[Diagnosis], str]] = {
    Problem.NONE: lambda one: expiry(one.lifetime, one.platform),
    Problem.GRANT_REMOVED: lambda _: "The sign-in has ended. Reconnect it.",
    Problem.GRANT_EXPIRED: lambda _: "The sign-in has expired. Reconnect it.",
    Problem.GRANT_DEAD: lambda one: f"The sign-in has ended: {reason_text(one.platform, one.code)}.",
    Problem.GRANT_REFUSED: lambda one: (
        f"{one.platform.name} has refused to renew this sign-in for hours (code `{one.code}`) and doesn't say why."
    ),
    Problem.ACCOUNT_LOST: lambda one: (
        f"{one.platform.name} doesn't let us act for it any more: {reason_text(one.platform, one.code)}."
    ),
    Problem.ACCOUNT_BLOCKED: lambda one: f"{reason_text(one.platform, one.code)}.",
    Problem.NOT_CONFIGURED: lambda one: (
        f"This installation has no {one.platform.name} app any more, so nothing can be renewed."
    ),
    Problem.UNFINISHED: lambda one: f"{one.platform.name} hasn't said yet what this sign-in covers.",
    Problem.APP_REFUSED: lambda one: (
        f"{one.platform.name} refuses this installation's app, not your account."
    ),
    Problem.PLATFORM_SILENT: lambda one: _silent(one.platform),
    Problem.PLATFORM_DOUBTED: lambda one: _doubted(one.platform),
    Problem.ROLE_FORBIDS: lambda one: (
        f"The role of the person who connected it doesn't allow publishing on {one.platform.name}."
    ),
    Problem.SCOPE_FORBIDS: lambda _: (
        "The permission to publish wasn't granted at sign-in, or has been removed since."
    ),
    Problem.ACCOUNT_SUSPECTED: lambda one: (
        f"{one.platform.name} said that we no longer have access. We'll check again before we act on it."
    ),
    Problem.ACCOUNTS_ONLY: lambda one: (
        "The account itself still works, but the sign-in of the person who connected it has ended:"
        f" {reason_text(one.platform, one.code)}."
    ),
    Problem.GRANT_SUSPECTED: lambda one: (
        f"{one.platform.name} said that this sign-in has ended. We'll check again before we act on it."
    ),
    Problem.REFRESH_IN_DOUBT: lambda one: (
        f"{one.platform.name}'s answer to the last renewal got lost. We'll ask again."
    ),
    Problem.ACCESS_EXPIRED: lambda one: (
        f"The person's sign-in has expired. We're asking {one.platform.name} what still works."
    ),
    Problem.ENDING: lambda one: expiry(one.lifetime, one.platform),
    Problem.DATA_ENDING: lambda one: (
        f"{one.platform.name} stops showing us its data in {in_words(one.lifetime.left)},"
        " unless someone signs in again by then."
    ),
    Problem.DATA_ENDED: _data_ended,
    Problem.OVERDUE: _overdue,
    Problem.REFUSED_ALIKE: lambda one: (
        f"{one.platform.name} refuses to renew the sign-ins of this installation (code `{one.code}`), this one too."
    ),
    Problem.REFUSED: lambda one: (
        f"{one.platform.name} refused our last {one.failures} tries to {_purpose(one)} (code `{one.code}`)."
        " We keep trying."
    ),
    Problem.UNANSWERED: _unanswered,
    Problem.SCOPES_MISSING: lambda one: expiry(one.lifetime, one.platform),
}
ADVICE: Mapping[Problem, Callable[[Diagnosis], str]] = {
    Problem.GRANT_DEAD: _dead,
    Problem.GRANT_REFUSED: lambda _: (
        "Press Reconnect and sign in as someone who manages this account. Meanwhile I'll keep trying."
    ),
    Problem.ACCOUNT_LOST: lambda one: remedy_text(one.platform, one.code),
    Problem.ACCOUNT_BLOCKED: lambda one: remedy_text(one.platform, one.code),
    Problem.NOT_CONFIGURED: lambda _: "Whoever runs Octapost has to put its credentials back.",
    Problem.UNFINISHED: lambda _: "Press Finish connecting in the message we sent in Slack.",
    Problem.APP_REFUSED: lambda _: (
        "Whoever runs Octapost has to fix it and has been told. Nothing for you to do."
    ),
    Problem.ROLE_FORBIDS: lambda one: (
        f"Ask someone who manages {one.account} for that role, then press Reconnect."
    ),
    Problem.SCOPE_FORBIDS: lambda _: "Press Reconnect and leave everything ticked.",
    Problem.ACCOUNT_SUSPECTED: lambda _: NOTHING_YET,
    Problem.ACCOUNTS_ONLY: lambda _: (
        "Press Reconnect when you have a minute, so that we can look after it again."
    ),
    Problem.GRANT_SUSPECTED: lambda _: NOTHING_YET,
    Problem.REFRESH_IN_DOUBT: lambda _: NOTHING_YET,
    Problem.ACCESS_EXPIRED: lambda _: NOTHING_YET,
    Problem.ENDING: lambda _: IT_TAKES_A_MINUTE,
    Problem.DATA_ENDING: lambda _: IT_TAKES_A_MINUTE,
    Problem.DATA_ENDED: lambda _: IT_TAKES_A_MINUTE,
    Problem.OVERDUE: lambda _: "Whoever runs Octapost has to start it.",
    Problem.REFUSED_ALIKE: lambda _: "Whoever runs Octapost has been told. Nothing for you to do.",
    Problem.REFUSED: lambda _: NOTHING_YET,
    Problem.UNANSWERED: lambda _: NOTHING_YET,
    Problem.SCOPES_MISSING: lambda _: "Reconnect and leave everything ticked to get them back.",
}
"""What to do, for the problems of which there is more to say than the sentence does."""
