"""What a platform lets an account and our app publish: how often, how fast, and for how much money.

The limits are the platform's facts. What was used is in the database, so all processes keep to them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Busy, StepKind
from bot.services.posts.policy import CAP_REACHED, MONEY_SPENT, TOO_SOON
from storage.publishing_uses import PublishingUses

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Content, PublishingFacts, Step
    from storage.models import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one step takes from one budget."""

    name: str
    posts: int = 1
    cents: float = 0.0
    cap: int | None = None
    """How many posts there may be within 24 hours."""
    most_cents: float | None = None
    """What they may cost within 24 hours."""
    spaced: timedelta = timedelta(0)
    """The shortest time between two of them."""


def charges_of(
    facts: PublishingFacts, account: Account, content: Content, step: Step, most_cents: float | None = None
) -> tuple[Charge, ...]:
    """Return what a step takes from the budgets of its account and of its app.

    `most_cents`: what the operator lets the app spend in 24 hours; None: as much as it takes.
    """
    units = facts.step_units.get(step.kind, 0)
    counted = (Charge(name=units_of(account), posts=units),) if units else ()
    if step.kind is StepKind.THUMBNAIL:
        return counted
    account_name, app_name = budget_of(account, whole_app=False), budget_of(account, whole_app=True)
    cap, cents = facts.daily_cap, 0.0
    if facts.cents_per_post is not None:
        cents = facts.cents_per_post(_text(content, step))
    whole_app = cap.posts if cap is not None and cap.whole_app else None
    own = cap.posts if cap is not None and not cap.whole_app else None
    spaced = facts.spaced if step.kind is StepKind.POST else timedelta(0)
    found = []
    if own is not None or spaced:
        found.append(Charge(name=account_name, cap=own, spaced=spaced))
    if whole_app is not None or cents:
        found.append(Charge(name=app_name, cap=whole_app, cents=cents, most_cents=most_cents))
    return (*found, *counted)


def budget_of(account: Account, *, whole_app: bool) -> str:
    """Return the name of an account's budget, or of its app's."""
    return f"app/{account.app}" if whole_app else f"account/{account.platform}/{account.remote_id}"


def units_of(account: Account) -> str:
    """Return the name under which the units are counted that an account's app uses of its platform's quota.

    They are counted, not limited: what they pay for is never worth more than the post itself.
    """
    return f"units/{account.app}"


def _text(content: Content, step: Step) -> str:
    if step.kind is StepKind.COMMENT:
        return content.first_comment
    return content.thread[step.index].text if content.thread else content.text


async def check(session: AsyncSession, charges: tuple[Charge, ...], at: datetime) -> None:
    """Return if there is room for the charges today. What was sent a moment ago does not matter.

    Raises:
        Busy: There is not; `retry_after` says until when.

    """
    for charge in charges:
        await _check(session, replace(charge, spaced=timedelta(0)), at)


async def reserve(session: AsyncSession, charges: tuple[Charge, ...], at: datetime) -> None:
    """Take the charges from their budgets, in the transaction that commits that the step is sent.

    Raises:
        Busy: There is no room; the caller's transaction must not be committed.

    """
    for charge in charges:
        await PublishingUses(session).lock(charge.name, at)
        await _check(session, charge, at)
        await PublishingUses(session).add(charge.name, at, charge.posts, charge.cents)


async def give_back(session: AsyncSession, charges: tuple[Charge, ...], at: datetime) -> None:
    """Put back what was reserved at this time: nothing was sent."""
    for charge in charges:
        await PublishingUses(session).give_back(charge.name, at, charge.posts, charge.cents)


async def _check(session: AsyncSession, charge: Charge, at: datetime) -> None:
    used = await PublishingUses(session).used(charge.name, at)
    wait = used.frees_at - at if used.frees_at is not None else timedelta(0)
    if charge.cap is not None and used.posts + charge.posts > charge.cap:
        raise Busy(CAP_REACHED, retry_after=wait)
    if charge.most_cents is not None and used.cents + charge.cents > charge.most_cents:
        raise Busy(MONEY_SPENT, retry_after=wait)
    if charge.spaced and used.last_at is not None and at - used.last_at < charge.spaced:
        raise Busy(TOO_SOON, retry_after=charge.spaced - (at - used.last_at))
