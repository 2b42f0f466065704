"""A scheduled post shows beside it what can keep it from going out, and nothing that can't."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import Blocker, Capability
from bot.services.accounts.diagnosis import diagnose
from bot.services.accounts.problems import Problem
from bot.services.accounts.profiles import AccountProfile
from bot.services.posts.risks import RiskCode, risks_of
from bot.views.publishing import risks as views
from storage.models import GrantStatus
from tests.states import NOON, account_state

DAY = timedelta(days=1)


def profile(
    platform: str = "x", *, can: frozenset[Capability] | None = None, lost: str = "", **facts: Any
) -> AccountProfile:
    """Return an account on a grant with these facts."""
    state = account_state(platform, **facts)
    state.account.access_error = lost
    state = replace(state, can=state.can if can is None and not lost else frozenset(can or ()))
    return AccountProfile(
        account=state.account,
        grant=state.grant,
        platform=state.platform,
        organization="Acme",
        can=state.can,
        missing=(),
        diagnosis=diagnose(state, NOON),
        label="Mugs",
    )


@pytest.mark.parametrize(
    ("platform", "facts", "due_in", "found"),
    [
        ("linkedin", {"access_expires_at": NOON + 5 * DAY}, 6 * DAY, [RiskCode.SIGN_IN_ENDS]),
        ("linkedin", {"access_expires_at": NOON + 5 * DAY}, 4 * DAY, []),
        (
            "linkedin",
            {
                "access_expires_at": NOON + DAY,
                "refresh_sealed": b"r",
                "refresh_expires_at": NOON + 5 * DAY,
            },
            2 * DAY,
            [],
        ),
        (
            "linkedin",
            {
                "access_expires_at": NOON + DAY,
                "refresh_sealed": b"r",
                "refresh_expires_at": NOON + 5 * DAY,
            },
            6 * DAY,
            [RiskCode.SIGN_IN_ENDS],
        ),
        ("x", {"access_expires_at": NOON + timedelta(hours=2), "refresh_sealed": b"r"}, 30 * DAY, []),
        ("facebook", {"access_expires_at": NOON + DAY}, 30 * DAY, []),
        ("instagram", {"access_expires_at": NOON + 50 * DAY}, 60 * DAY, []),
        (
            "x",
            {"status": GrantStatus.NEEDS_RECONNECT, "reason": "invalid_grant"},
            DAY,
            [RiskCode.CANNOT_PUBLISH],
        ),
    ],
)
def test_a_post_is_at_risk_where_the_sign_in_certainly_ends_before_it_is_due(
    platform: str, facts: dict[str, Any], due_in: timedelta, found: list[RiskCode]
) -> None:
    one = profile(platform, **facts)

    risks = risks_of(one, NOON + due_in, NOON)

    assert [risk.code for risk in risks] == found


def test_a_role_that_is_gone_and_a_permission_that_was_never_given_are_told_apart() -> None:
    gone = profile("facebook", lost=Blocker.NO_CREATE_CONTENT)
    forbidden = profile("facebook", can=frozenset({Capability.INSIGHTS}))

    [lost], [never] = risks_of(gone, NOON + DAY, NOON), risks_of(forbidden, NOON + DAY, NOON)

    assert lost.diagnosis.problem is Problem.ACCOUNT_LOST
    assert "no longer has the role or access to publish. Reconnect it." in views.sentence(lost)
    assert never.diagnosis.problem is Problem.SCOPE_FORBIDS
    assert "wasn't granted at sign-in" in views.sentence(never)


def test_each_risk_names_the_account_what_happens_and_what_helps() -> None:
    ends = profile("linkedin", access_expires_at=NOON + 5 * DAY)
    over = profile(status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    said = [views.sentence(risk) for one in (ends, over) for risk in risks_of(one, NOON + 6 * DAY, NOON)]

    assert said == [
        "Mugs (LinkedIn): the sign-in ends before this is due. Reconnect it before then.",
        "Mugs (X): the sign-in has ended. Reconnect it.",
    ]
