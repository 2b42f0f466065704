"""What is the matter with one account's share of a post is said in words, with the one button that helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.base import Defect, Problem
from adapters.registry import REGISTRY
from bot.services.posts.faults import Fault, FaultKind
from bot.services.posts.policy import CAP_REACHED, FILE_GONE, MONEY_SPENT
from bot.services.posts.results import AlertReport, DeliveryReport, PostReport
from bot.services.posts.risks import RiskCode
from bot.views.publishing.faults import alert, sentence
from sandbox.slack.blocks import message_faults
from storage.models import DeliveryStatus

REDDIT = REGISTRY.platforms["reddit"]
FAULTS = [
    Fault(kind=FaultKind.ACCOUNT, code=RiskCode.CANNOT_PUBLISH),
    Fault(kind=FaultKind.ACCOUNT, code=RiskCode.SIGN_IN_ENDS),
    Fault(kind=FaultKind.REFUSED, code="SUBREDDIT_NOTALLOWED"),
    Fault(kind=FaultKind.REFUSED, code="never_heard_of"),
    Fault(kind=FaultKind.CONTENT, code=FILE_GONE),
    Fault(kind=FaultKind.LIMIT, code=CAP_REACHED),
    Fault(kind=FaultKind.LIMIT, code=MONEY_SPENT),
    *(
        Fault(kind=FaultKind.CONTENT, problem=Problem(defect=defect, field=field, allowed="7", actual="9"))
        for defect in Defect
        for field in ("flair", "text", "media", "place")
    ),
]
DELIVERY = DeliveryReport(
    id="dlv_1",
    account_id="acc_1",
    account="r/mugs <&>",
    platform="reddit",
    place="mugs",
    status=DeliveryStatus.SCHEDULED,
    due_at=datetime(2026, 11, 30, tzinfo=UTC),
    asks=False,
    code="",
    outcome="",
    live=0,
    url="https://www.reddit.com/r/mugs/comments/1",
)
POST = PostReport(post_id="pst_1", organization_id="org_1", text="Mugs", author="U1", deliveries=(DELIVERY,))


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_every_fault_has_a_sentence(fault: Fault) -> None:
    said = sentence(fault, "reddit", REDDIT)

    assert said.endswith(".")
    assert "  " not in said


@pytest.mark.parametrize(
    ("fault", "action", "value"),
    [
        (FAULTS[0], "account.reconnect", "org_1/acc_1"),
        (FAULTS[2], "posts.edit", "org_1/pst_1"),
        (FAULTS[4], "posts.edit", "org_1/pst_1"),
    ],
)
def test_a_fault_has_the_one_button_that_mends_it(fault: Fault, action: str, value: str) -> None:
    one = AlertReport(post=POST, delivery=replace(DELIVERY, fault=fault))

    message = alert(one, REDDIT)

    button = message.blocks[-1]["accessory"]
    assert (button["action_id"], button["value"]) == (action, value)
    assert message_faults(message.blocks) == []


def test_a_removed_post_is_told_with_a_link_to_it() -> None:
    one = AlertReport(post=POST, delivery=replace(DELIVERY, status=DeliveryStatus.GONE))

    message = alert(one, REDDIT)

    assert message.blocks[-1]["accessory"]["url"] == DELIVERY.url
    assert "doesn't show it any more" in message.text
    assert message_faults(message.blocks) == []
