"""What our pages show about connecting an account: results in, page models out.

A page's template is in `bot/web/templates`. A template shows words between backticks as code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from adapters.base import Misconfigured
from bot.services.notifications import ConsentFailed, ConsentProblem, ConsentSettled, ConsentWaiting
from bot.views import consent
from bot.views.errors import explain
from bot.views.kit import cut

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.accounts.connecting import Outcome

LONGEST_SENTENCE = 3000
TRY_AGAIN, OPEN_PAGE = "Try again", "Open the page"
OPERATORS_SCOPE = "do something that whoever runs this installation has added"
"""The reason for a permission that the operator added, after "Permission to:"."""
OUR_FAULT = "That's on us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page about a result. A subclass is a template with its facts."""

    TEMPLATE: ClassVar[str]
    title: str
    good: bool = False
    """Something was connected or renewed, and all of it can publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledPage(Page):
    """Accounts were connected or renewed, wait to be chosen, or none can be used."""

    TEMPLATE = "settled.html"
    happened: tuple[str, ...]
    obstacles: tuple[str, ...]
    """Why there are not more."""
    to_choose: bool
    to_reconnect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPage(Page):
    """The consent is stored, and the platform is not answering."""

    TEMPLATE = "waiting.html"
    platform: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPage(Page):
    """Nothing was connected."""

    TEMPLATE = "failed.html"
    why: str
    then: str


def of_outcome(outcome: Outcome, platform: Platform) -> Page:
    """Return the page that a member sees when they come back from the platform."""
    match outcome:
        case ConsentSettled():
            return _settled(outcome, platform)
        case ConsentWaiting():
            return WaitingPage(
                title=_waiting_title(outcome, platform),
                platform=platform.name,
                why=explain(outcome.failure.error, platform),
            )
        case ConsentFailed():
            return FailedPage(
                title=_failed_title(outcome, platform),
                why=consent.why_failed(outcome, platform),
                then=consent.how_to_go_on(outcome, platform),
            )


def _settled(done: ConsentSettled, platform: Platform) -> SettledPage:
    return SettledPage(
        title=_settled_title(done),
        good=bool(done.attached or done.renewed) and not done.cannot_publish,
        happened=_shown(consent.happened(done, platform)),
        obstacles=_shown(consent.obstacles(done, platform)),
        to_choose=bool(done.discovery_id),
        to_reconnect=bool(done.cannot_publish),
    )


def _settled_title(done: ConsentSettled) -> str:
    if done.wrong is not None:
        return "You signed in as someone else"
    if done.discovery_id:
        return "Almost done: choose in Slack"
    if done.cannot_publish:
        return consent.without_publishing([one.name for one in done.cannot_publish])
    if done.attached:
        return "Done. Back to Slack."
    return "Renewed. Back to Slack." if done.renewed else "Nothing was connected"


def _waiting_title(waiting: ConsentWaiting, platform: Platform) -> str:
    if isinstance(waiting.failure.error, Misconfigured):
        return OUR_FAULT
    return f"{platform.name} isn't answering yet"


def _failed_title(failed: ConsentFailed, platform: Platform) -> str:
    return {
        ConsentProblem.DECLINED: "Cancelled. Nothing changed.",
        ConsentProblem.MISSING_PRODUCT: OUR_FAULT,
        ConsentProblem.OUR_FAULT: OUR_FAULT,
        ConsentProblem.LATE: "This took longer than 10 minutes",
        ConsentProblem.ELSEWHERE: "You started in another browser",
        ConsentProblem.STOPPED: f"{platform.name} stopped the sign-in",
        ConsentProblem.NOT_ACCEPTED: "That didn't work",
    }[failed.problem]


def _shown(sentences: list[str]) -> tuple[str, ...]:
    """Return sentences without characters that change the direction of text, which a name may contain."""
    return tuple(cut(sentence, LONGEST_SENTENCE) for sentence in sentences)
