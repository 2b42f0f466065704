"""Status and doctor: what is the matter with an account, in words, with the one thing to do about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, update

from adapters.base import Capability
from bot.services.accounts.diagnosis import (
    NO_OUTAGE,
    Diagnosis,
    PlatformHealth,
    Remedy,
    Severity,
    diagnose,
    ends_at,
    health_from,
)
from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from sandbox.slack.state import Message
from sandbox.slack.world import ADA, OTTO
from storage.engine.statements import now
from storage.models import Account, Grant, GrantStatus
from storage.tallies import Outcome, Tallies, Tally
from tests.application import Office
from tests.counts import in_full
from tests.platforms import PLATFORMS
from tests.stories.told import answer_to, buttons, connected, hears, joins, said

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def becomes(office: Office, platform: str, **values: Any) -> None:
    """Let a platform's grants be as these values say."""
    async with office.database.system() as session:
        await session.exec(
            update(Grant).where(col(Grant.platform) == platform).values(**values),
            execution_options={"synchronize_session": False},
        )


async def counted(office: Office, platform: str, **outcomes: int) -> None:
    """Let a platform's refreshes have ended like this in the last minute."""
    async with office.database.system() as session:
        tallies = Tallies(session)
        minute = int(time.time() // 60)
        await tallies.count(platform, minute, {Outcome(key): n for key, n in outcomes.items()})


def urls(message: Message) -> list[str]:
    return [e["url"] for b in message.blocks for e in b.get("elements", ()) if e.get("url")]


# Status


async def test_status_has_a_line_per_account_and_counts_those_that_can_publish(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")
    await becomes(office, "tiktok", status=GrantStatus.NEEDS_RECONNECT, reason="authorization_removed")

    words = await said(ada, "status")

    assert "Acme: 1 of 2 accounts can publish." in words
    assert "🟢 connected · X: Octa Demo" in words
    assert "🔴 needs reconnecting · TikTok: Octa Demo" in words
    assert "/octapost doctor" in words


@in_full
async def test_what_needs_a_person_stands_first_wherever_accounts_are_listed(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "reddit", "octa_demo")
    await connected(ada, "x", "4711")
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    shown = [text_of(await ada.command(word)) for word in ("status", "accounts")]
    shown.append(text_of(await office.slack.open_home(ADA)))

    for words in shown:
        assert words.index("Octa Demo") < words.index("Reddit")


async def test_status_without_accounts_says_how_to_begin(office: Office) -> None:
    ada = await office.installed()

    assert "Acme has no accounts yet." in await said(ada, "status")


async def test_an_outage_of_a_whole_platform_is_said_once_and_asks_nobody_for_anything(
    either_office: Office,
) -> None:
    ada = await either_office.installed()
    await connected(ada, "tiktok", "octa_demo")
    await connected(ada, "x", "4711")
    await counted(either_office, "tiktok", busy=3)

    for answer in (
        await ada.command("status"),
        await ada.command("accounts"),
        await ada.command("doctor"),
        await either_office.slack.open_home(ADA),
    ):
        words = text_of(answer)
        assert "TikTok isn't answering anybody right now. Nothing to do; posts wait." in words
        assert "X isn't answering" not in words
        assert "needs reconnecting" not in words
    assert "Acme: 2 of 2 accounts can publish." in await said(ada, "status")


# Doctor


async def test_without_a_name_the_doctor_examines_those_in_trouble(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "x", "4711")
    await connected(ada, "tiktok", "octa_demo")
    gone = datetime.now(UTC) - timedelta(hours=3)
    await becomes(
        either_office,
        "tiktok",
        status=GrantStatus.NEEDS_RECONNECT,
        reason="authorization_removed",
        last_outcome="GrantDead",
        last_error_code="authorization_removed",
        checked_at=gone,
        due_at=None,
    )

    message = await ada.command("doctor")

    words = text_of(message)
    assert "TikTok · " in words
    assert "X · " not in words
    assert "🔴 needs reconnecting" in words
    assert "The sign-in is over: somebody removed Octapost in the TikTok app. Press Reconnect" in words
    assert f"<!date^{int(gone.timestamp())}^" in words
    assert "Next check\nwhen somebody reconnects it" in words.replace("*", "")
    assert "TikTok last said\nthat the sign-in is over" in words.replace("*", "")
    assert "Can do nothing: the sign-in is over." in words
    assert "code authorization_removed · acc_" in words
    assert buttons(message) == ["Reconnect", "Open TikTok"]


async def test_its_button_is_the_way_out(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    message = await ada.command("doctor")
    link = links_in(await answer_to(ada, message, "account.reconnect"))[0]
    await ada.travel(link, Consent(person="4711"))

    await hears(ada, "🔁 Renewed for Acme: Octa Demo on X.")
    assert "🟢 All is well with Acme: its account is connected" in await said(ada, "doctor")


async def test_a_named_account_is_examined_although_it_is_well(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")

    words = text_of(await ada.command("doctor octa demo"))

    assert "🟢 connected" in words
    assert "X last said\nall is well" in words.replace("*", "")
    assert "X for everybody\nno known trouble" in words.replace("*", "")
    scopes = PLATFORMS["x"].apps[0].scopes
    assert f"Granted {len(scopes)} of {len(scopes)} permissions: " in words
    assert all(scope.name in words for scope in scopes)
    assert "I don't know" not in words
    assert "No account here is called “nobody”" in await said(ada, "doctor nobody")


async def test_what_was_unticked_is_named_with_what_no_longer_works(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("tiktok", Consent(person="octa_demo", untick=["video.list"]))

    words = text_of(await ada.command("doctor"))

    assert "🟡 connected, some permissions missing" in words
    assert "Can't read how posts did: video.list wasn't granted." in words
    assert "Not granted: video.list (to " in words


async def test_a_member_reads_the_diagnosis_and_has_no_reconnect_button(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    await joins(ada, await office.person(OTTO))
    await becomes(office, "x", status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")

    otto = await office.person(OTTO)
    message, card = await otto.command("doctor"), await otto.command("accounts")

    assert "🔴 needs reconnecting" in text_of(message)
    for shown in (message, card):
        assert "Reconnect" not in buttons(shown)
        assert "An admin of the organization can reconnect it." in text_of(shown)
    assert "An admin of the organization" not in text_of(await ada.command("accounts"))


async def test_more_patients_than_a_message_holds_are_counted(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "facebook", "brand", choose=12)
    await becomes(office, "facebook", status=GrantStatus.NEEDS_RECONNECT, reason="190_460")

    words = text_of(await ada.command("doctor"))

    assert words.count("the person's Facebook password was changed") == 5
    assert "… and 7 more; /octapost doctor NAME examines any of them." in words
    assert office.slack.state.complaints == []


async def test_the_home_the_cards_and_the_doctor_say_the_same(either_office: Office) -> None:
    ada = await either_office.installed()
    await connected(ada, "linkedin", "ana-ruiz", app="linkedin")
    await becomes(either_office, "linkedin", access_expires_at=now(timedelta(days=6, hours=5)))

    home = text_of(await either_office.slack.open_home(ADA))

    for words in (home, await said(ada, "accounts"), await said(ada, "doctor")):
        assert "🟡 connected, ends soon" in words
        assert "LinkedIn ends this sign-in in 6 days; then somebody has to sign in again." in words
        assert "Press Reconnect; it takes a minute." in words
    assert "1 account, 1 needs a look." in home


# The rules by themselves


def patient(platform: str = "x", **facts: Any) -> tuple[Account, Grant]:
    grant = Grant(platform=platform, app=platform, **{"status": GrantStatus.HEALTHY} | facts)
    account = Account(
        organization_id="org_1",
        platform=platform,
        app=platform,
        remote_id="1",
        kind="Account",
        name="Mugs",
        connected_by="mem_1",
    )
    return account, grant


def examine(platform: str = "x", health: PlatformHealth = NO_OUTAGE, **facts: Any) -> Diagnosis:
    return diagnose(
        *patient(platform, **facts),
        PLATFORMS[platform],
        can={Capability.PUBLISH},
        missing=(),
        health=health,
        now=NOW,
    )


DIAGNOSES: Mapping[str, tuple[str, Mapping[str, Any], str, str, Remedy]] = {
    "removed-at-facebook": (
        "facebook",
        {"status": GrantStatus.NEEDS_RECONNECT, "reason": "190_458"},
        "🔴 needs reconnecting",
        "somebody removed Octapost in the Facebook settings",
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
        "Reddit has ended our access",
        Remedy.RECONNECT,
    ),
    "ended-here": ("x", {"status": GrantStatus.ENDED}, "🔴 needs reconnecting", "is over", Remedy.RECONNECT),
    "lapsed": (
        "tiktok",
        {"refresh_sealed": b"r", "refresh_expires_at": NOW - DAY},
        "🔴 needs reconnecting",
        "The sign-in has expired",
        Remedy.RECONNECT,
    ),
    "pending": ("x", {"status": GrantStatus.PENDING}, "⏳ finishing", "Finish connecting", Remedy.FINISH),
    "our-app": (
        "x",
        {"last_outcome": "Misconfigured", "last_error_code": "invalid_client", "checked_at": NOW},
        "🟠 connected, but the app was refused",
        "X refuses this installation's app, not your account.",
        Remedy.OPERATOR,
    ),
    "suspected": (
        "x",
        {"last_outcome": "GrantDead", "last_error_code": "invalid_grant", "suspected_at": NOW - DAY},
        "🟡 connected, being checked",
        "We ask a second time before we believe it. Nothing to do yet.",
        Remedy.NOTHING,
    ),
    "in-doubt": (
        "x",
        {"last_outcome": "OutcomeUnknown", "last_error_code": "no_answer", "in_doubt": True},
        "🟡 connected, being checked",
        "got lost on the way",
        Remedy.NOTHING,
    ),
    "page-lives": (
        "facebook",
        {"last_outcome": "accounts_only", "last_error_code": "190_463", "access_expires_at": NOW - DAY},
        "🟡 connected, the person's sign-in is over",
        "Publishing goes on with the account's own access",
        Remedy.RECONNECT,
    ),
    "data-soon": (
        "instagram",
        {"data_access_expires_at": NOW + 5 * DAY},
        "🟡 connected, ends soon",
        "Instagram shows us its data for another 5 days, unless the person signs in again.",
        Remedy.RECONNECT,
    ),
    "data-over": (
        "instagram",
        {"data_access_expires_at": NOW - DAY},
        "🟠 connected, its data is shown no longer",
        "for 90 days",
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
        "X hasn't answered our last 7 tries to renew it. We keep trying. Nothing to do; posts wait.",
        Remedy.NOTHING,
    ),
    "outlived-by-its-pages": (
        "facebook",
        {"access_expires_at": NOW - DAY},
        "🟡 connected, being checked",
        "We ask Facebook what works without it. Nothing to do yet.",
        Remedy.NOTHING,
    ),
    "outlives-its-refresh-token": (
        "linkedin",
        {"refresh_sealed": b"r", "refresh_expires_at": NOW - DAY, "access_expires_at": NOW + 9 * DAY},
        "🟡 connected, ends soon",
        "Nothing renews it any more: LinkedIn ends this sign-in in 9 days; then somebody has to sign in again.",
        Remedy.RECONNECT,
    ),
    "outlived-its-refresh-token": (
        "linkedin",
        {"refresh_sealed": b"r", "refresh_expires_at": NOW - 9 * DAY, "access_expires_at": NOW - DAY},
        "🔴 needs reconnecting",
        "The sign-in has expired",
        Remedy.RECONNECT,
    ),
    "look-unanswered": (
        "linkedin",
        {"last_outcome": "Busy", "last_error_code": "http_503", "failures": 7},
        "🟡 connected, check delayed",
        "LinkedIn hasn't answered our last 7 tries to see whether it still holds. We keep trying.",
        Remedy.NOTHING,
    ),
    "look-overdue": (
        "linkedin",
        {"due_at": NOW - timedelta(hours=2)},
        "🟡 connected, check overdue",
        "It should have been looked at by now",
        Remedy.OPERATOR,
    ),
    "overdue": (
        "x",
        {"due_at": NOW - timedelta(hours=2), "refresh_sealed": b"r"},
        "🟡 connected, renewal overdue",
        "Octapost's background work isn't running",
        Remedy.OPERATOR,
    ),
}


@pytest.mark.parametrize(("platform", "facts", "status", "words", "fix"), DIAGNOSES.values(), ids=DIAGNOSES)
def test_each_state_has_one_sentence_and_one_fix(
    platform: str, facts: Mapping[str, Any], status: str, words: str, fix: Remedy
) -> None:
    found = examine(platform, **facts)

    assert found.status == status
    assert words in f"{found.sentence} {found.advice}"
    assert found.fix is fix
    assert found.broken == status.startswith("🔴")
    assert "_" not in found.sentence, "codes are small print"


def test_a_dead_sign_in_is_said_before_the_platform_s_outage_and_that_before_everything_else() -> None:
    outage = PlatformHealth(silent_since=NOW)

    dead = examine(health=outage, status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")
    busy = examine(health=outage, last_outcome="Busy", last_error_code="http_503", failures=9)
    ended = examine("facebook", outage, access_expires_at=NOW - DAY)
    doubted = examine(health=PlatformHealth(doubted=True), suspected_at=NOW)

    assert dead.light is Severity.RED
    assert busy.state == "connected, X isn't answering"
    assert ended.state == "connected, Facebook isn't answering"
    assert (busy.since, busy.code) == (NOW, "outage")
    assert "calls many sign-ins over at once" in doubted.sentence


def test_an_app_that_was_taken_out_is_the_operators() -> None:
    account, grant = patient()

    found = diagnose(account, grant, PLATFORMS["x"], can=(), missing=(), offered=False, now=NOW)

    assert (found.status, found.fix) == ("🟠 not set up any more", Remedy.OPERATOR)


def test_a_role_that_may_not_publish_is_told_from_a_permission_that_was_not_given() -> None:
    account, grant = patient("facebook")
    scopes = PLATFORMS["facebook"].apps[0].scopes
    account.missing = ["publish"]

    by_role = diagnose(account, grant, PLATFORMS["facebook"], can=(), missing=(), now=NOW)
    account.missing = []
    by_scope = diagnose(account, grant, PLATFORMS["facebook"], can=(), missing=scopes, now=NOW)

    assert by_role.status == by_scope.status == "🟠 connected, but can't publish"
    assert "The role of the person" in by_role.sentence
    assert "pages_manage_posts" in by_scope.sentence


@pytest.mark.parametrize(
    ("platform", "facts", "end"),
    [
        ("linkedin", {"access_expires_at": NOW}, NOW),
        (
            "linkedin",
            {"access_expires_at": NOW, "refresh_sealed": b"r", "refresh_expires_at": NOW + DAY},
            NOW + DAY,
        ),
        ("x", {"access_expires_at": NOW, "refresh_sealed": b"r"}, None),
        ("facebook", {"access_expires_at": NOW}, None),
        ("instagram", {"access_expires_at": NOW, "data_access_expires_at": NOW + DAY}, NOW + DAY),
    ],
)
def test_what_ends_is_what_only_a_person_can_renew(
    platform: str, facts: Mapping[str, Any], end: datetime | None
) -> None:
    assert ends_at(PLATFORMS[platform], patient(platform, **facts)[1]) == end


QUIET = Tally(fresh=0, dead=0, busy=0, other=0)


@pytest.mark.parametrize(
    ("minutes", "silent"),
    [
        pytest.param({100: {"busy": 2}}, None, id="two-are-weather"),
        pytest.param({100: {"busy": 3}}, 100, id="three-are-an-outage"),
        pytest.param({80: {"busy": 2}, 100: {"busy": 2}}, 80, id="it-began-with-the-first"),
        pytest.param({99: {"busy": 9}, 100: {"fresh": 1}}, None, id="one-answer-ends-it"),
        pytest.param(
            {99: {"fresh": 50}, 100: {"busy": 9}}, 100, id="what-was-answered-before-does-not-count"
        ),
        pytest.param({100: {"busy": 9, "fresh": 1}}, None, id="some-answers-in-the-same-minute"),
        pytest.param({99: {"dead": 1}, 100: {"busy": 2}}, None, id="a-death-is-an-answer"),
        pytest.param({60: {"busy": 9}}, None, id="long-ago-is-not-now"),
        pytest.param({100: {"other": 9}}, None, id="our-own-fault-is-no-outage"),
        pytest.param({}, None, id="nothing-counted"),
    ],
)
def test_a_platform_is_out_of_order_when_it_answers_nobody(
    minutes: Mapping[int, Mapping[str, int]], silent: int | None
) -> None:
    tallies = {minute: replace(QUIET, **counts) for minute, counts in minutes.items()}

    found = health_from(tallies, 100)

    assert found.silent_since == (None if silent is None else datetime.fromtimestamp(silent * 60, UTC))


def test_a_platform_that_calls_everybody_dead_is_doubted() -> None:
    found = health_from({100: replace(QUIET, dead=20, fresh=20)}, 100)

    assert found.doubted
    assert not found.clear
    assert "more likely its mistake" in found.words(PLATFORMS["tiktok"])
