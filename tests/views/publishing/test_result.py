"""The message about a post says how the whole of it stands, in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.x import PLATFORM
from bot.services.posts.results import DeliveryReport, PostReport
from bot.views.publishing.result import headline, message, page
from storage.models import DeliveryStatus

SENT, FAILED = DeliveryStatus.SENT, DeliveryStatus.FAILED
SCHEDULED, CANCELLED = DeliveryStatus.SCHEDULED, DeliveryStatus.CANCELLED
CHANGING, DELETED = DeliveryStatus.CHANGING, DeliveryStatus.DELETED


def reported(*statuses: DeliveryStatus) -> PostReport:
    """Return a post with an account in each of these states."""
    found = tuple(
        DeliveryReport(
            id=f"dlv_{number}",
            account_id="acc_1",
            account=f"Ana {number}",
            platform="x",
            place="",
            status=status,
            due_at=datetime(2026, 11, 30, tzinfo=UTC),
            asks=False,
            code="",
            outcome="",
            live=0,
            url="",
        )
        for number, status in enumerate(statuses)
    )

    return PostReport(post_id="pst_1", organization_id="org_1", text="Mugs", author=None, deliveries=found)


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ((SCHEDULED, SCHEDULED), "Scheduled"),
        ((CANCELLED, SCHEDULED), "Scheduled"),
        ((CANCELLED, CANCELLED), "Cancelled"),
        ((CANCELLED, SENT), "✅ Live"),
        ((SENT, DELETED), "✅ Live"),
        ((DELETED, DELETED), "Deleted"),
        ((SENT, CHANGING), "✅ Live on 2 accounts"),
        ((SENT, SENT, CANCELLED), "✅ Live on 2 accounts"),
        ((SENT, SCHEDULED, CANCELLED), "Publishing: 1 of 2 live"),
        ((SENT, FAILED, CANCELLED), "⚠️ 1 of 2 live; 1 needs you"),
    ],
)
def test_what_was_cancelled_is_not_counted(statuses: tuple[DeliveryStatus, ...], said: str) -> None:
    report = reported(*statuses)

    assert headline(report) == said


def test_beyond_fifteen_accounts_the_failures_come_first_and_the_rest_is_counted_and_paged() -> None:
    report = reported(*[SENT] * 30, FAILED)

    shown = message(report, lambda _: PLATFORM).blocks
    pages = [page(report, number, lambda _: PLATFORM) for number in range(4)]

    assert "Ana 30" in str(shown[2])
    assert "and 16 more: 16 live" in str(shown)
    assert "posts.details" in str(shown)
    named = [str(one).count("'*Ana ") for one in pages]
    assert named == [15, 15, 1, 1]
    assert "details.later" in str(pages[0])
    assert "details.earlier" in str(pages[2])
    assert "details.later" not in str(pages[2])
