"""The receipt of a deletion: every outcome has its words, and however many accounts there are, Slack takes it."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.services.accounts.revoking import RevocationResult
from bot.services.notifications import DeletionReceipt, ReceiptLine
from bot.services.organizations.deletion import LINES_A_MESSAGE
from bot.views import deletion as views
from sandbox.slack.blocks import message_faults
from tests.platforms import PLATFORMS


def receipt(*lines: ReceiptLine) -> DeletionReceipt:
    return DeletionReceipt(
        organization="Acme",
        receipt="del_1",
        deleted_at=datetime.now(UTC),
        lines=lines,
        part=1,
        parts=1,
    )


def words(one: DeletionReceipt) -> str:
    return str(views.receipt(one, PLATFORMS).blocks)


def test_every_outcome_that_can_be_settled_has_its_words() -> None:
    assert set(views.RESULTS) == set(RevocationResult) - {RevocationResult.PENDING}


def test_what_a_person_can_do_is_said_for_the_platforms_it_is_about() -> None:
    revoked = ReceiptLine(account="Ana", platform="x", result=RevocationResult.REVOKED)
    refused = ReceiptLine(account="Bo", platform="facebook", result=RevocationResult.REFUSED, code="403")

    assert "remove Octapost" not in words(receipt(revoked))
    assert "Facebook didn't confirm that our access has ended (403)" in words(receipt(revoked, refused))
    assert "To be sure about Facebook, remove Octapost" in words(receipt(revoked, refused))


def test_where_octapost_is_removed_by_hand_is_named_where_it_is_known() -> None:
    refused = ReceiptLine(account="octa_demo", platform="reddit", result=RevocationResult.REFUSED)

    said = words(receipt(refused))

    assert "Reddit didn't confirm that our access has ended" in said
    assert "To be sure about Reddit (reddit.com/prefs/apps), remove Octapost" in said


def test_an_organization_without_accounts_has_a_receipt_too() -> None:
    assert "It had no accounts." in words(receipt())


def test_slack_takes_the_longest_receipt() -> None:
    longest = ReceiptLine(
        account="N" * 300, platform="facebook", result=RevocationResult.SAME_PERSON, code="c" * 60
    )

    message = views.receipt(receipt(*[longest] * LINES_A_MESSAGE), PLATFORMS)

    assert message_faults(message.body["blocks"]) == []
    assert str(message.blocks).count("• N") == LINES_A_MESSAGE
