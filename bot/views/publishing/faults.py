"""What somebody is told about one account's share of a post: it can't go out as it is, or it was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import PublishingFacts
from bot.services.posts.faults import FaultKind
from bot.services.posts.policy import MONEY_SPENT
from bot.services.posts.risks import RiskCode
from bot.views import kit
from bot.views.kit import Message
from bot.views.publishing.platforms import refusal
from bot.views.publishing.problems import sentence as problem_sentence
from bot.views.times import moment
from storage.models import DeliveryStatus

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.posts.faults import Fault
    from bot.services.posts.results import AlertReport
    from bot.views.kit import Json

EXCERPT = 150
NO_LIMITS = PublishingFacts(formats={})
"""What the platform takes matters here only for units, and a check before publishing finds nothing that has one."""
ACCOUNT = {
    RiskCode.SIGN_IN_ENDS: "The sign-in ends before this is due. Reconnect the account before then.",
    RiskCode.CANNOT_PUBLISH: "The account can't publish right now. Reconnect it.",
}


def alert(one: AlertReport, platform: Platform) -> Message:
    """Return what is the matter with one account's share of a post, with the button that helps."""
    delivery = one.delivery
    name = f"{delivery.account} ({platform.name})"
    if delivery.status == DeliveryStatus.GONE:
        text = f"⚠️ {name}: the post was live, and {removed(platform)}"
        due = ""
    else:
        said = sentence(delivery.fault, delivery.platform, platform) if delivery.fault else ""
        text = f"⚠️ {name}: {said}"
        due = f" · goes out {moment(delivery.due_at)}"
    excerpt = kit.escape(kit.cut(one.post.text, EXCERPT)) or "_No text_"
    button = _button(one, platform)
    blocks = [kit.words(text), kit.section(f">{excerpt}{due}", accessory=button)]
    return Message(text=text, blocks=blocks)


def removed(platform: Platform) -> str:
    """Return that a post is gone, as the end of a sentence: literal text."""
    return f"{platform.name} doesn't show it any more. Someone may have removed it there."


def sentence(fault: Fault, key: str, platform: Platform) -> str:
    """Return what keeps a delivery from going out and what helps: literal text. `key`: the platform's."""
    if fault.kind is FaultKind.ACCOUNT:
        return ACCOUNT[RiskCode(fault.code)]
    if fault.kind is FaultKind.LIMIT:
        return f"{limit(fault.code, platform)} It goes out as soon as there's room."
    if fault.problem is not None:
        return problem_sentence(fault.problem, platform, NO_LIMITS)
    return refusal(key, platform.name, fault.code)


def limit(code: str, platform: Platform) -> str:
    """Return which limit of the day is used up."""
    if code == MONEY_SPENT:
        return f"Today's budget for {platform.name} is used up."
    return f"{platform.name}'s daily limit of posts is used up."


def _button(one: AlertReport, platform: Platform) -> Json:
    delivery, organization_id = one.delivery, one.post.organization_id
    if delivery.status == DeliveryStatus.GONE:
        return kit.link(f"Open {platform.name}", "account.open", delivery.url or platform.docs)
    if delivery.fault is not None and delivery.fault.kind is FaultKind.ACCOUNT:
        return kit.button("Reconnect", "account.reconnect", f"{organization_id}/{delivery.account_id}")
    return kit.button("Edit", "posts.edit", f"{organization_id}/{one.post.post_id}")
