"""What can keep a scheduled post from going out, as codes and facts. Pure; it asks no platform.

Lists and the App Home show risks beside a post; `bot.views.publishing.risks` has the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.services.posts.faults import Fault, FaultKind
from bot.services.tokens.lifetimes import publishes_until

if TYPE_CHECKING:
    from bot.services.accounts.diagnosis import Diagnosis
    from bot.services.accounts.profiles import AccountProfile


class RiskCode(StrEnum):
    """What can keep a post from going out."""

    CANNOT_PUBLISH = "cannot_publish"
    """The account can't publish now: its diagnosis says why."""
    SIGN_IN_ENDS = "sign_in_ends"
    """Its sign-in ends before the post is due."""
    CHECKED = "checked"
    """A check found something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One thing that can keep a post from one account."""

    code: RiskCode
    account: str
    """What the account is called among the organization's."""
    diagnosis: Diagnosis
    at: datetime | None = None
    """When it begins to matter; None: it does already."""
    fault: Fault | None = None
    """Only with `CHECKED`."""


def risks_of(
    one: AccountProfile, due_at: datetime, now: datetime, fault: Fault | None = None
) -> tuple[Risk, ...]:
    """Return what can keep a post that is due then from this account, the most serious first.

    `fault`: what the last check of the post found.
    """
    if not one.can_publish:
        return (Risk(code=RiskCode.CANNOT_PUBLISH, account=one.label, diagnosis=one.diagnosis),)
    end = publishes_until(one.platform, one.grant, now) if one.grant is not None else None
    if end is not None and end <= due_at:
        return (Risk(code=RiskCode.SIGN_IN_ENDS, account=one.label, diagnosis=one.diagnosis, at=end),)
    if fault is not None and fault.kind is not FaultKind.ACCOUNT:
        return (Risk(code=RiskCode.CHECKED, account=one.label, diagnosis=one.diagnosis, fault=fault),)
    return ()
