"""The message about a post says how the whole of it stands, in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.services.posts.results import DeliveryReport, PostReport
from bot.views.publishing.result import headline
from storage.models import DeliveryStatus

SENT, FAILED = DeliveryStatus.SENT, DeliveryStatus.FAILED
SCHEDULED, CANCELLED = DeliveryStatus.SCHEDULED, DeliveryStatus.CANCELLED


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ((SCHEDULED, SCHEDULED), "Scheduled"),
        ((CANCELLED, SCHEDULED), "Scheduled"),
        ((CANCELLED, CANCELLED), "Cancelled"),
        ((CANCELLED, SENT), "✅ Live"),
        ((SENT, SENT, CANCELLED), "✅ Live on 2 accounts"),
        ((SENT, SCHEDULED, CANCELLED), "Publishing: 1 of 2 live"),
        ((SENT, FAILED, CANCELLED), "⚠️ 1 of 2 live; 1 needs you"),
    ],
)
def test_what_was_cancelled_is_not_counted(statuses: tuple[DeliveryStatus, ...], said: str) -> None:
    found = tuple(
        DeliveryReport(
            id=f"dlv_{number}",
            account_id="acc_1",
            account="Ana",
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

    report = PostReport(post_id="pst_1", organization_id="org_1", text="Mugs", author=None, deliveries=found)

    assert headline(report) == said
