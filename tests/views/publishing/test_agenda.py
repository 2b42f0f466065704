"""The home tab says what goes out when, in the reader's days, and never breaks Slack's limits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.services.accounts.diagnosis import diagnose
from bot.services.accounts.profiles import AccountProfile
from bot.services.posts.agenda import DRAFTS_SHOWN, SHOWN, Agenda, risks_in
from bot.services.posts.drafts import Written
from bot.services.posts.listing import DraftReport
from bot.services.posts.results import DeliveryReport, PostReport
from bot.views import home
from bot.views.publishing import agenda as views
from sandbox.slack.blocks import view_faults
from storage.models import AlertSettings, DeliveryStatus, GrantStatus, Role
from storage.post_listings import Totals, Which
from storage.standing import Seat
from tests.platforms import PLATFORMS
from tests.states import NOON, account_state

DAY = timedelta(days=1)


def post(
    number: int, due_at: datetime, status: DeliveryStatus = DeliveryStatus.SCHEDULED, accounts: int = 1
) -> PostReport:
    """Return a post to some accounts."""
    return PostReport(
        post_id=f"pst_{number:020}",
        organization_id="org_1",
        text=f"post {number}",
        author="U1",
        deliveries=tuple(
            DeliveryReport(
                id=f"dlv_{number:010}{each:010}",
                account_id=f"acc_{each}",
                account=f"Mugs {each}",
                platform="linkedin",
                place="",
                status=status,
                due_at=due_at,
                asks=False,
                code="",
                outcome="",
                live=0,
                url="",
            )
            for each in range(accounts)
        ),
    )


def reading(zone: str = "UTC", role: Role = Role.ADMIN, now: datetime = NOON) -> views.Reading:
    return views.Reading(
        organization_id="org_1", role=role, zone=ZoneInfo(zone), now=now, platform=PLATFORMS.__getitem__
    )


def agenda(coming: list[PostReport], **more: Any) -> Agenda:
    attention, drafts = more.get("attention", []), more.get("drafts", [])
    totals = Totals(attention=len(attention), coming=len(coming), drafts=len(drafts))
    return Agenda(
        totals=more.get("totals", totals),
        coming=tuple(coming),
        attention=tuple(attention),
        drafts=tuple(drafts),
    )


def headings(blocks: list[dict[str, Any]]) -> list[str]:
    said = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    return [text for text in said if text.startswith("*")]


def profiles(count: int, ends: datetime | None = None, **facts: Any) -> list[AccountProfile]:
    """Return accounts whose sign-in ends then."""
    found = []
    for number in range(count):
        state = account_state("linkedin", access_expires_at=ends, **facts)
        state.account.id = f"acc_{number}"
        found.append(
            AccountProfile(
                account=state.account,
                grant=state.grant,
                platform=state.platform,
                organization="Acme",
                can=state.can,
                missing=(),
                diagnosis=diagnose(state, NOON),
                label=f"Mugs {number}",
            )
        )
    return found


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", ["*Today*", "*Tomorrow*", "*Thursday, 26 November*"]),
        ("Pacific/Kiritimati", ["*Today*", "*Tomorrow*", "*Friday, 27 November*"]),
        ("Asia/Kathmandu", ["*Today*", "*Tomorrow*", "*Thursday, 26 November*"]),
        ("Pacific/Pago_Pago", ["*Today*", "*Tomorrow*", "*Thursday, 26 November*"]),
    ],
)
def test_days_are_the_readers_own(zone: str, expected: list[str]) -> None:
    due = [NOON + timedelta(hours=hours) for hours in (1, 24, 25, 49)]

    made = views.blocks(agenda([post(n, at) for n, at in enumerate(due)]), {}, reading(zone))

    assert headings(made) == expected


def test_what_is_going_out_this_minute_is_under_today_even_if_it_was_due_before_midnight() -> None:
    just_past_midnight = NOON.replace(hour=0, minute=1)

    made = views.blocks(
        agenda([post(1, just_past_midnight - timedelta(minutes=2), DeliveryStatus.SENDING)]),
        {},
        reading(now=just_past_midnight),
    )

    assert headings(made) == ["*Today*"]


def test_a_post_beside_which_something_can_go_wrong_says_what() -> None:
    safe, risky = post(1, NOON + DAY), post(2, NOON + 9 * DAY)
    found = risks_in([safe, risky], profiles(1, NOON + 5 * DAY), NOON)

    made = views.blocks(agenda([safe, risky]), found, reading())

    assert list(found) == [risky.post_id]
    [said] = [block for block in made if block["type"] == "context"]
    assert "the sign-in ends before this is due" in str(said)


def test_a_member_reads_the_agenda_with_their_drafts_and_is_offered_no_decision() -> None:
    drafts = [DraftReport(id="drf_1", written=Written(text="Half"))]

    made = str(views.blocks(agenda([post(1, NOON + DAY)], drafts=drafts), {}, reading(role=Role.MEMBER)))

    assert "posts.details" in made
    assert "posts.cancel" not in made
    assert "compose.continue" in made


def test_a_home_of_100_accounts_and_200_posts_keeps_slacks_limits() -> None:
    over = profiles(100, status=GrantStatus.NEEDS_RECONNECT, reason="invalid_grant")
    coming = [post(n, NOON + n * DAY, accounts=100) for n in range(1, SHOWN[Which.SCHEDULED] + 1)]
    needy = [
        post(50 + n, NOON - DAY, DeliveryStatus.HELD, accounts=100) for n in range(SHOWN[Which.ATTENTION])
    ]
    drafts = [DraftReport(id=f"drf_{n}", written=Written(text="Half" * 999)) for n in range(DRAFTS_SHOWN)]
    full = agenda(
        coming, attention=needy, drafts=drafts, totals=Totals(attention=100, coming=100, drafts=200)
    )
    seat = Seat(membership_id="mem_1", organization_id="org_1", organization_name="Acme", role=Role.OWNER)
    reader = home.Reader(realm="T1", seats=[seat, seat], seat=seat, about={})

    planned = views.blocks(full, risks_in(coming, over, NOON), reading(role=Role.OWNER))
    drawn = home.home(reader, over, AlertSettings(organization_id="org_1"), 1, planned=planned)
    whole = home.with_footer(drawn, home.Links(privacy="https://a.example", support="mailto:a@a.example"))

    assert len(planned) == 31
    assert len(whole["blocks"]) < 100
    assert view_faults(whole) == []
    assert "Show all posts" in str(planned)
    assert "Show all drafts" in str(planned)
