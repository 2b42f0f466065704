"""What is the matter with an account: which of several problems comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.diagnosis import diagnose, state_of
from bot.services.accounts.health import PlatformHealth
from bot.services.accounts.problems import Problem, Remedy
from storage.models import GrantStatus
from tests.application import settings
from tests.platforms import PLATFORMS
from tests.states import NOON, account_state

DAY = timedelta(days=1)


def test_a_dead_sign_in_comes_before_the_platform_s_outage_and_that_before_everything_else() -> None:
    outage = PlatformHealth(silent_since=NOON)
    ended = account_state(status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")
    unanswered = account_state(last_outcome="Busy", last_error_code="http_503", failures=9)
    expired = account_state("facebook", access_expires_at=NOON - DAY)
    suspected = account_state(suspected_at=NOON)

    dead = diagnose(replace(ended, health=outage), NOON)
    busy = diagnose(replace(unanswered, health=outage), NOON)
    lapsed = diagnose(replace(expired, health=outage), NOON)
    doubted = diagnose(replace(suspected, health=PlatformHealth(doubted=True)), NOON)

    assert dead.problem is Problem.GRANT_DEAD
    assert busy.problem is lapsed.problem is Problem.PLATFORM_SILENT
    assert (busy.since, busy.code) == (NOON, "outage")
    assert doubted.problem is Problem.PLATFORM_DOUBTED


def test_an_app_that_was_taken_out_is_for_the_operator() -> None:
    state = account_state()
    without_app = PlatformCatalog(settings(X_CLIENT_ID="", X_CLIENT_SECRET="").platforms())

    found = diagnose(state_of(without_app, state.account, state.grant), NOON)

    assert (found.problem, found.remedy) == (Problem.NOT_CONFIGURED, Remedy.OPERATOR)


def test_a_role_that_may_not_publish_is_told_from_a_permission_that_was_not_given() -> None:
    state = replace(account_state("facebook"), can=frozenset())
    scopes = PLATFORMS["facebook"].apps[0].scopes
    state.account.missing = ["publish"]

    by_role = diagnose(state, NOON)
    state.account.missing = []
    by_scope = diagnose(replace(state, missing=scopes), NOON)

    assert by_role.problem is Problem.ROLE_FORBIDS
    assert by_scope.problem is Problem.SCOPE_FORBIDS
    assert "pages_manage_posts" in by_scope.scopes


def test_an_outage_does_not_hide_that_an_account_cannot_publish() -> None:
    state = replace(
        account_state("tiktok"), can=frozenset(), health=PlatformHealth(silent_since=NOON, doubted=True)
    )

    assert diagnose(state, NOON).problem is Problem.SCOPE_FORBIDS


def test_a_card_that_already_asked_makes_an_early_end_a_problem() -> None:
    state = account_state("linkedin", access_expires_at=NOON + 25 * DAY)

    assert diagnose(state, NOON).fine
    assert diagnose(replace(state, warned=True), NOON).problem is Problem.ENDING
