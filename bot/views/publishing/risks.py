"""The sentences for what can keep a scheduled post from going out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.accounts.problems import Problem, Remedy
from bot.services.posts.risks import RiskCode
from bot.views import diagnosis
from bot.views.publishing import faults

if TYPE_CHECKING:
    from bot.services.posts.risks import Risk


def sentence(risk: Risk) -> str:
    """Return what can go wrong, and what helps: literal text."""
    name = f"{risk.account} ({risk.diagnosis.platform.name})"
    match risk.code:
        case RiskCode.SIGN_IN_ENDS:
            return f"{name}: the sign-in ends before this is due. Reconnect it before then."
        case RiskCode.CHECKED if risk.fault is not None:
            platform = risk.diagnosis.platform
            return f"{name}: {faults.sentence(risk.fault, platform.key, platform)}"
        case _:
            return f"{name}: {_now(risk)}"


def _now(risk: Risk) -> str:
    """Return why the account can't publish now."""
    found = risk.diagnosis
    if found.problem is Problem.ACCOUNT_LOST:
        return "it no longer has the role or access to publish. Reconnect it."
    if found.remedy is Remedy.RECONNECT and found.broken:
        return "the sign-in has ended. Reconnect it."
    return f"{diagnosis.sentence(found)} {diagnosis.advice(found)}".strip()
