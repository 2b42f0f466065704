"""Diagnoses in words: each state has one dot, one sentence and one thing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.services.accounts.diagnosis import diagnose
from bot.services.accounts.health import PlatformHealth
from bot.services.accounts.problems import CONSEQUENCES, Problem, Remedy, Severity
from bot.views.diagnosis import DOTS, SENTENCES, STATES, advice, health, sentence, status, tally
from storage.models import GrantStatus
from tests.platforms import PLATFORMS
from tests.states import NOON, account_state

DAY = timedelta(days=1)
DIAGNOSES: Mapping[str, tuple[str, Mapping[str, Any], str, str, Remedy]] = {
    "removed-at-facebook": (
        "facebook",
        {"status": GrantStatus.NEEDS_RECONNECT, "reason": "190_458"},
        "🔴 needs reconnecting",
        "someone removed Octapost in their Facebook settings",
        Remedy.RECONNECT,
    ),
    "checkpoint": (
        "facebook",
        {"status": GrantStatus.NEEDS_RECONNECT, "reason": "190_459"},
        "🔴 needs reconnecting",
        "Sign in at facebook.com and do what it asks, then press Reconnect.",
        Remedy.RECONNECT,
    ),
    "testing": (
        "youtube",
        {"status": GrantStatus.NEEDS_RECONNECT, "reason": "testing_week"},
        "🔴 needs reconnecting",
        "Whoever runs Octapost has to set the Google app's publishing status to “In production”",
        Remedy.RECONNECT,
    ),
    "unknown-code": (
        "reddit",
        {"status": GrantStatus.NEEDS_RECONNECT, "reason": "odd"},
        "🔴 needs reconnecting",
        "Reddit ended our access",
        Remedy.RECONNECT,
    ),
    "ended-here": (
        "x",
        {"status": GrantStatus.ENDED},
        "🔴 needs reconnecting",
        "has ended",
        Remedy.RECONNECT,
    ),
    "lapsed": (
        "tiktok",
        {"refresh_sealed": b"r", "refresh_expires_at": NOON - DAY},
        "🔴 needs reconnecting",
        "The sign-in has expired",
        Remedy.RECONNECT,
    ),
    "pending": ("x", {"status": GrantStatus.PENDING}, "⏳ finishing", "Finish connecting", Remedy.FINISH),
    "our-app": (
        "x",
        {"last_outcome": "Misconfigured", "last_error_code": "invalid_client", "checked_at": NOON},
        "🟠 connected, but the app was refused",
        "X refuses this installation's app, not your account.",
        Remedy.OPERATOR,
    ),
    "suspected": (
        "x",
        {"last_outcome": "GrantDead", "last_error_code": "invalid_grant", "suspected_at": NOON - DAY},
        "🟡 connected, being checked",
        "We'll check again before we act on it. Nothing to do yet.",
        Remedy.NOTHING,
    ),
    "in-doubt": (
        "x",
        {"last_outcome": "OutcomeUnknown", "last_error_code": "no_answer", "in_doubt": True},
        "🟡 connected, being checked",
        "answer to the last renewal got lost",
        Remedy.NOTHING,
    ),
    "page-lives": (
        "facebook",
        {"last_outcome": "accounts_only", "last_error_code": "190_463", "access_expires_at": NOON - DAY},
        "🟡 connected, the person's sign-in has ended",
        "The account itself still works",
        Remedy.RECONNECT,
    ),
    "data-soon": (
        "instagram",
        {"data_access_expires_at": NOON + 5 * DAY},
        "🟡 connected, ends soon",
        "Instagram stops showing us its data in 5 days, unless someone signs in again by then.",
        Remedy.RECONNECT,
    ),
    "data-over": (
        "instagram",
        {"data_access_expires_at": NOON - DAY},
        "🟠 connected, stats unavailable",
        "in 90 days",
        Remedy.RECONNECT,
    ),
    "once-unanswered": (
        "x",
        {"last_outcome": "Busy", "last_error_code": "http_503", "failures": 2, "refresh_sealed": b"r"},
        "🟢 connected",
        "Renews itself.",
        Remedy.NOTHING,
    ),
    "often-unanswered": (
        "x",
        {"last_outcome": "Busy", "last_error_code": "http_503", "failures": 7, "refresh_sealed": b"r"},
        "🟡 connected, renewal delayed",
        "X hasn't answered our last 7 tries to renew it. We keep trying. Nothing to do yet.",
        Remedy.NOTHING,
    ),
    "outlived-by-its-pages": (
        "facebook",
        {"access_expires_at": NOON - DAY},
        "🟡 connected, being checked",
        "We're asking Facebook what still works. Nothing to do yet.",
        Remedy.NOTHING,
    ),
    "outlives-its-refresh-token": (
        "linkedin",
        {"refresh_sealed": b"r", "refresh_expires_at": NOON - DAY, "access_expires_at": NOON + 9 * DAY},
        "🟡 connected, ends soon",
        "Nothing renews it any more: LinkedIn ends this sign-in in 9 days; then someone has to sign in again.",
        Remedy.RECONNECT,
    ),
    "outlived-its-refresh-token": (
        "linkedin",
        {"refresh_sealed": b"r", "refresh_expires_at": NOON - 9 * DAY, "access_expires_at": NOON - DAY},
        "🔴 needs reconnecting",
        "The sign-in has expired",
        Remedy.RECONNECT,
    ),
    "look-unanswered": (
        "linkedin",
        {"last_outcome": "Busy", "last_error_code": "http_503", "failures": 7},
        "🟡 connected, check delayed",
        "LinkedIn hasn't answered our last 7 tries to see whether it still works. We keep trying.",
        Remedy.NOTHING,
    ),
    "look-overdue": (
        "linkedin",
        {"due_at": NOON - timedelta(hours=2)},
        "🟡 connected, check overdue",
        "It should have been looked at by now",
        Remedy.OPERATOR,
    ),
    "overdue": (
        "x",
        {"due_at": NOON - timedelta(hours=2), "refresh_sealed": b"r"},
        "🟡 connected, renewal overdue",
        "Octapost's background work isn't running",
        Remedy.OPERATOR,
    ),
}


@pytest.mark.parametrize(
    ("platform", "facts", "dot_and_state", "words", "remedy"), DIAGNOSES.values(), ids=DIAGNOSES
)
def test_each_state_has_one_sentence_and_one_remedy(
    platform: str, facts: Mapping[str, Any], dot_and_state: str, words: str, remedy: Remedy
) -> None:
    found = diagnose(account_state(platform, **facts), NOON)

    assert status(found) == dot_and_state
    assert words in f"{sentence(found)} {advice(found)}"
    assert found.remedy is remedy
    assert found.broken == dot_and_state.startswith("🔴")
    assert "_" not in sentence(found), "codes are small print"


def test_every_problem_has_its_words_and_its_consequences() -> None:
    assert set(Problem) == set(STATES) == set(SENTENCES) == set(CONSEQUENCES)
    assert set(Severity) == set(DOTS)


@pytest.mark.parametrize(
    ("platform", "facts", "words"),
    [
        ("x", {"refresh_sealed": b"r", "access_expires_at": NOON - timedelta(hours=1)}, "Renews itself."),
        (
            "tiktok",
            {"refresh_sealed": b"r", "refresh_expires_at": NOON + timedelta(days=179)},
            "Renews itself.",
        ),
        (
            "tiktok",
            {"refresh_sealed": b"r", "refresh_expires_at": NOON + timedelta(days=20)},
            "Not renewed for a while. Unless a renewal works within 20 days, someone has to sign in again.",
        ),
        (
            "linkedin",
            {"refresh_sealed": b"r", "refresh_expires_at": NOON + timedelta(days=300)},
            "Renews itself for another 300 days; then someone has to sign in again.",
        ),
        (
            "youtube",
            {"refresh_sealed": b"r", "refresh_expires_at": NOON + timedelta(days=6)},
            "Renews itself for another 6 days; then someone has to sign in again.",
        ),
        (
            "tiktok",
            {"refresh_sealed": b"r", "refresh_expires_at": NOON - timedelta(minutes=1)},
            "The sign-in has expired. Reconnect it.",
        ),
        (
            "linkedin",
            {"access_expires_at": NOON + timedelta(days=59, hours=20)},
            "LinkedIn ends this sign-in in 60 days; then someone has to sign in again.",
        ),
        (
            "linkedin",
            {"access_expires_at": NOON + timedelta(hours=30)},
            "LinkedIn ends this sign-in in 30 hours; then someone has to sign in again.",
        ),
        ("linkedin", {"access_expires_at": NOON}, "The sign-in has expired. Reconnect it."),
        ("facebook", {"access_expires_at": NOON + timedelta(days=60)}, "Renews itself."),
        (
            "facebook",
            {"access_expires_at": NOON - timedelta(days=1)},
            "The person's sign-in has expired. We're asking Facebook what still works.",
        ),
        ("facebook", {"access_expires_at": None}, "Doesn't expire by itself."),
        (
            "instagram",
            {"access_expires_at": None, "data_access_expires_at": NOON + timedelta(days=90)},
            "Renews itself, but Instagram wants someone to sign in every 90 days: next within 90 days.",
        ),
    ],
)
def test_expiry_is_said_in_words(platform: str, facts: dict[str, object], words: str) -> None:
    assert sentence(diagnose(account_state(platform, **facts), NOON)) == words


@pytest.mark.parametrize("renewed", [timedelta(0), timedelta(days=20), timedelta(days=44)])
def test_a_renewal_does_not_change_what_is_said_of_the_window_for_data(renewed: timedelta) -> None:
    facts = {
        "access_expires_at": NOON + timedelta(days=60) + renewed,
        "data_access_expires_at": NOON + timedelta(days=90),
    }

    found = diagnose(account_state("instagram", **facts), NOON + renewed)

    left = (timedelta(days=90) - renewed).days
    assert sentence(found) == (
        f"Renews itself, but Instagram wants someone to sign in every 90 days: next within {left} days."
    )


@pytest.mark.parametrize("over", [GrantStatus.NEEDS_RECONNECT, GrantStatus.ENDED])
def test_a_dead_sign_in_needs_a_person_whatever_the_clock_says(over: GrantStatus) -> None:
    found = diagnose(account_state(refresh_sealed=b"r", status=over), NOON)

    assert sentence(found).startswith("The sign-in has ended")
    assert status(found) == "🔴 needs reconnecting"


def test_an_account_without_a_sign_in_needs_one() -> None:
    found = diagnose(replace(account_state(), grant=None), NOON)

    assert status(found) == "🔴 needs reconnecting"
    assert sentence(found) == "The sign-in has ended. Reconnect it."


def test_only_what_somebody_can_do_something_about_is_counted() -> None:
    well = diagnose(account_state(), NOON)
    silent = diagnose(replace(account_state(), health=PlatformHealth(silent_since=NOON)), NOON)
    suspected = diagnose(account_state(suspected_at=NOON), NOON)
    mute = diagnose(replace(account_state("tiktok"), can=frozenset()), NOON)
    dead = diagnose(account_state(status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant"), NOON)
    late = diagnose(account_state(due_at=NOON - timedelta(hours=2)), NOON)

    assert tally([well, silent, suspected]) == "3 accounts, all connected."
    assert tally([replace(well, problem=Problem.ACCOUNT_BLOCKED)]) == "1 account, 1 needs a look."
    assert tally([mute]) == "1 account, 1 can't publish yet."
    assert tally([well, mute, dead, late]) == (
        "4 accounts, 1 needs reconnecting, 1 can't publish yet and 1 needs a look."
    )
    assert tally([dead, dead, silent]) == "3 accounts, 2 need reconnecting."


def test_a_platform_that_ends_every_sign_in_is_called_mistaken() -> None:
    assert "probably its mistake" in health(PlatformHealth(doubted=True), PLATFORMS["tiktok"])
    assert health(PlatformHealth(), PLATFORMS["tiktok"]) == ""
