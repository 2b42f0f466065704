"""Where and when an organization is told: chosen in a form, tried with a message, summed up in a digest."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import update

from bot.services.incidents.quiet_hours import digest_slot, quiet_until, zones
from sandbox.member import text_of
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OTTO
from storage.alert_settings import Alerts
from storage.memberships import Members
from storage.models import AlertSettings, Grant, Role
from storage.workspaces import Workspaces
from tests.counts import in_full
from tests.stories.test_incidents import (
    SOCIAL,
    around,
    card_with,
    cards,
    dies,
    organization_of,
    ready,
    settings,
)
from tests.stories.told import buttons, hears, said, trail

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import View
    from tests.application import Office

GENERAL = "C0ACMEGEN"


async def form(person: Member) -> View:
    """Return the form behind `/octapost alerts`."""
    await person.press(await person.command("alerts"), "alerts.change")
    return await person.modal_with("Warn before a sign-in expires")


def entered(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a person enters, by the names of the form's blocks."""
    return {block: {"select": value} for block, value in values.items()}


async def chosen(office: Office) -> AlertSettings:
    async with office.database.system(write=False) as session:
        return await Alerts(session).get(await organization_of(office))


async def test_the_settings_are_shown_and_changed_in_a_form(either_office: Office) -> None:
    ada = await either_office.installed()
    await either_office.slack.invite(SOCIAL)
    before = await said(ada, "alerts")
    assert "direct messages (no channel chosen)" in before
    assert "*Digest:* none until you choose a channel" in before
    view = await form(ada)

    shown = await ada.submit(
        view,
        entered(
            {
                "channel": SOCIAL,
                "days": ["21", "2"],
                "digest": "daily",
                "quiet_from": "22:00",
                "quiet_to": "07:30",
            }
        ),
    )

    words = text_of(shown)
    assert "✅ Saved." in words
    assert f"*Where:* <#{SOCIAL}>" in words
    assert "21 and 2 days before a sign-in expires" in words
    assert "22:00 to 07:30 (Europe/Berlin)" in words
    assert [text_of(card).split("\n")[0] for card in cards(either_office)] == [
        "👋 I'll post here when one of Acme's accounts needs reconnecting."
    ]
    kept = await chosen(either_office)
    assert (kept.channel_id, kept.reminder_days, kept.digest) == (SOCIAL, [21, 2], "daily")
    assert (kept.quiet_from, kept.quiet_to, kept.timezone) == ("22:00", "07:30", "Europe/Berlin")
    assert await trail(either_office, "alerts changed") == ["alerts changed"]


@in_full
@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"channel": SOCIAL}, "Type /invite @Octapost there", id="the-bot-is-not-in-it"),
        pytest.param({"quiet_from": "22:00"}, "Set different start and end times", id="half-a-night"),
    ],
)
async def test_what_would_not_work_is_refused_in_the_form_and_nothing_is_kept(
    office: Office, values: dict[str, str], words: str
) -> None:
    ada = await office.installed()

    shown = await ada.submit(await form(ada), entered(values))

    assert words in str(shown.errors)
    assert (await chosen(office)).channel_id == ""
    assert await trail(office, "alerts changed") == []


async def test_a_time_zone_is_found_by_typing(office: Office) -> None:
    ada = await office.installed()
    view = await form(ada)

    found = await office.slack.suggest(ada.user_id, view, "alerts.zone", "new york")

    assert [option["value"] for option in found] == ["America/New_York"]


async def test_a_test_message_arrives_and_a_channel_that_takes_none_is_named(office: Office) -> None:
    ada = await ready(office)

    await ada.press(await ada.command("alerts"), "alerts.test")
    await card_with(office, "🔔 This is a test. Alerts for Acme arrive here.")
    await office.slack.kick(SOCIAL)
    await ada.press(await ada.command("alerts"), "alerts.test")

    await office.slack.until(
        lambda: ((m := ada.seen()[-1]) and "I'm not in that channel" in text_of(m)) or None
    )
    assert "I'm not in it any more" in await said(ada, "alerts")
    assert (await chosen(office)).channel_error == "not_in_channel"


@in_full
async def test_a_renamed_channel_goes_on_working(office: Office) -> None:
    await ready(office)
    office.slack.state.channels[SOCIAL].name = "social-media"

    await dies(office)

    await card_with(office, "reconnecting. Until then")


@in_full
async def test_cards_that_people_held_go_to_the_channel_that_is_chosen(office: Office) -> None:
    ada = await ready(office)
    await settings(office, channel_id="")
    await dies(office)
    await hears(ada, "reconnecting. Until then")

    await ada.submit(await form(ada), entered({"channel": SOCIAL}))

    card = await office.slack.until(
        lambda: next((m for m in cards(office) if "reconnecting. Until then" in text_of(m)), None)
    )
    await hears(ada, f"➡️ This card moved to <#{SOCIAL}>.")
    assert [m for m in ada.direct_messages() if "reconnecting. Until then" in text_of(m)] == []
    assert "Claim" in buttons(card)


async def test_a_card_goes_to_the_channel_that_is_chosen_in_quiet_hours_too(office: Office) -> None:
    ada = await ready(office)
    await settings(office, channel_id="")
    await dies(office)
    await hears(ada, "reconnecting. Until then")
    night = around(datetime.now(ZoneInfo("Europe/Berlin")), 2)  # as the form offers Ada
    hours = {"quiet_from": night["quiet_from"], "quiet_to": night["quiet_to"]}

    await ada.submit(await form(ada), entered({"channel": SOCIAL} | hours))

    await office.slack.until(
        lambda: next((m for m in cards(office) if "reconnecting. Until then" in text_of(m)), None)
    )


@in_full
async def test_a_channel_that_takes_nothing_does_not_stand_in_the_way_of_other_changes(
    office: Office,
) -> None:
    ada = await ready(office)
    office.slack.state.channels[SOCIAL].is_archived = True
    await settings(office, channel_error="is_archived")
    ada.channel_id = GENERAL

    shown = await ada.submit(await form(ada), entered({"digest": "daily"}))

    assert "✅ Saved." in text_of(shown)
    assert f"*I can't post in <#{SOCIAL}>*" in text_of(shown)
    kept = await chosen(office)
    assert (kept.digest, kept.channel_id, kept.channel_error) == ("daily", SOCIAL, "is_archived")


@in_full
async def test_saving_tries_a_channel_again_that_took_nothing(office: Office) -> None:
    ada = await ready(office)
    await settings(office, channel_error="not_in_channel")

    shown = await ada.submit(await form(ada), entered({}))

    assert "I can't post" not in text_of(shown)
    assert (await chosen(office)).channel_error == ""
    await card_with(office, "👋 I'll post here")


@in_full
async def test_a_channel_that_other_companies_read_is_not_offered(office: Office) -> None:
    ada = await ready(office)

    view = await form(ada)

    [channel] = [each["element"] for each in view.blocks if each.get("block_id") == "channel"]
    assert channel["filter"]["exclude_external_shared_channels"] is True


@in_full
async def test_an_admin_in_another_workspace_changes_what_is_not_the_channel(office: Office) -> None:
    ada = await ready(office)
    bea = await office.installed(BEA)
    organization_id = await organization_of(office)
    async with office.database.system() as session:
        await Workspaces(session).link(BLUE, organization_id)
        await Members(session).add(organization_id, realm=BLUE, user_id=BEA, team_id=BLUE, role=Role.ADMIN)
    await bea.command("org switch Acme")
    shown = await bea.command("alerts")

    await bea.press(shown, "alerts.change")
    view = await bea.modal_with("It's in another workspace")
    await bea.submit(view, entered({"digest": "daily"}))

    kept = await chosen(office)
    assert (kept.slack_id, kept.channel_id, kept.digest) == (ACME, SOCIAL, "daily")
    assert "a channel in another of your workspaces" in text_of(shown)
    assert buttons(shown) == ["Change…"]
    assert "Send a test message" in buttons(await ada.command("alerts"))


@in_full
async def test_only_admins_choose(office: Office) -> None:
    await ready(office)
    otto = await office.person(OTTO)

    assert "This needs an admin of Acme." in await said(otto, "alerts")


# The digest


async def test_the_digest_says_how_all_accounts_are_once_a_day_or_week(either_office: Office) -> None:
    await ready(either_office)
    long_ago = datetime.now(UTC) - timedelta(days=8)
    await settings(either_office, digest="weekly", digest_sent_at=long_ago)

    await asyncio.gather(*(either_office.parts.watch.run() for _ in range(3)))

    card = await card_with(either_office, "🟢 All is well with Acme: 1 account, all connected.")
    assert "Sent every week, so you know I'm still watching." in text_of(card)
    await either_office.parts.watch.run()
    assert len(cards(either_office)) == 1


@in_full
async def test_a_digest_names_what_needs_somebody(office: Office) -> None:
    await ready(office)
    await dies(office)
    await card_with(office, "needs reconnecting")
    await settings(office, digest="daily", digest_sent_at=datetime.now(UTC) - timedelta(days=2))

    await office.parts.watch.run()

    found = await office.slack.until(lambda: cards(office)[1:] or None)
    words = text_of(found[0])
    assert "🔴 Acme: 1 account, 1 needs reconnecting." in words
    assert "🔴 X: Octa Demo needs reconnecting. Until then, Acme can't publish there." in words


@in_full
async def test_a_digest_does_not_call_well_what_cannot_publish(office: Office) -> None:
    await ready(office)
    async with office.database.system() as session:
        await session.exec(update(Grant).values(scopes=["users.read"]))
    await settings(office, digest_sent_at=datetime.now(UTC) - timedelta(days=8))

    await office.parts.watch.run()

    words = text_of(await card_with(office, "🟠 Acme: 1 account, 1 can't publish yet."))
    assert "1 account, 1 can't publish yet." in text_of(await office.slack.open_home(ADA))
    assert "/octapost doctor says why" in words


@in_full
async def test_a_digest_that_no_channel_takes_is_a_word_to_the_admins(office: Office) -> None:
    ada = await ready(office)
    await office.slack.kick(SOCIAL)
    await settings(office, digest_sent_at=datetime.now(UTC) - timedelta(days=8))

    await office.parts.watch.run()

    await hears(ada, "I can't post in your alerts channel any more: I'm not in it any more.")
    assert "Send a test message" in buttons(await ada.command("alerts"))


@in_full
async def test_a_digest_that_was_switched_off_is_not_said(office: Office) -> None:
    await ready(office)
    await settings(office, digest="off", digest_sent_at=datetime.now(UTC) - timedelta(days=90))

    await office.parts.watch.run()

    assert cards(office) == []


# The rules by themselves


def on(**more: Any) -> AlertSettings:
    return AlertSettings(organization_id="org_1", **more)


NIGHT = {"quiet_from": "22:00", "quiet_to": "07:00", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        pytest.param("2026-11-24T20:59:00", None, id="before"),
        pytest.param("2026-11-24T21:00:00", "2026-11-25T06:00:00", id="at-ten"),
        pytest.param("2026-11-25T05:59:59", "2026-11-25T06:00:00", id="after-midnight"),
        pytest.param("2026-11-25T06:00:00", None, id="at-seven"),
        pytest.param("2026-03-28T22:00:00", "2026-03-29T05:00:00", id="the-short-night"),
        pytest.param("2026-10-24T22:00:00", "2026-10-25T06:00:00", id="the-long-night"),
    ],
)
def test_quiet_hours_are_the_organizations_own(moment: str, until: str | None) -> None:
    asked = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    ends = quiet_until(on(**NIGHT), asked)

    assert ends == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


def test_quiet_hours_within_a_day_end_on_that_day() -> None:
    noon = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

    assert quiet_until(on(quiet_from="12:00", quiet_to="13:00"), noon) == noon.replace(hour=13, minute=0)
    assert quiet_until(on(), noon) is None


@pytest.mark.parametrize(
    ("digest", "moment", "slot"),
    [
        ("daily", "2026-11-24T08:00:00", "2026-11-24T08:00:00"),
        ("daily", "2026-11-24T07:59:59", "2026-11-23T08:00:00"),
        ("weekly", "2026-11-23T08:00:00", "2026-11-23T08:00:00"),
        ("weekly", "2026-11-23T07:00:00", "2026-11-16T08:00:00"),
        ("weekly", "2026-11-29T23:00:00", "2026-11-23T08:00:00"),
    ],
)
def test_a_digest_is_said_at_nine_and_a_weekly_one_on_monday(digest: str, moment: str, slot: str) -> None:
    asked = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    found = digest_slot(on(digest=digest, timezone="Europe/Berlin"), asked)

    assert found == datetime.fromisoformat(slot).replace(tzinfo=UTC)


def test_an_unknown_zone_is_utc_and_no_zone_is_missing() -> None:
    noon = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

    assert quiet_until(on(quiet_from="12:00", quiet_to="13:00", timezone="Mars/Olympus"), noon) is not None
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= set(zones())
