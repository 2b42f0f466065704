"""Posting times and account sets: chosen once, used each time a post is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.member import text_of
from storage.models import AccountSet, AccountSlots
from tests.stories.told import disconnect, entries

if TYPE_CHECKING:
    from sandbox.slack.state import View
    from tests.application import Office


def options(view: View, block_id: str = "accounts") -> list[str]:
    found = next(block["element"] for block in view.blocks if block.get("block_id") == block_id)
    return [option["value"] for option in found["options"]]


async def test_posting_times_are_stored_for_several_accounts_and_said_where_they_are_wrong(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=2)
    view = await ada.modal_by("slots")
    both = options(view)

    wrong = await ada.submit(view, {"slots.accounts": both, "slots.times": "noon"})
    said = str(wrong.errors)
    saved = await ada.submit(view, {"slots.accounts": both, "slots.times": "17.30, 9 am"})
    told = text_of(saved)
    await ada.close(saved)
    again = await ada.modal_by("slots Blue Door Bakery")

    assert "“noon” isn't a time" in said
    assert told.count("(Facebook): next") == 2
    rows = await office.rows(AccountSlots)
    assert len(rows) == 2
    assert "09:00, 17:30" in str(again.blocks)
    assert "Europe/Berlin" in str(again.blocks)


async def test_a_set_is_saved_listed_and_deleted_and_says_who_is_gone(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=2)
    view = await ada.modal_by("sets save Bakery")
    saved = await ada.submit(view, {"sets.accounts": options(view), "sets.here": ["here"]})
    told = text_of(saved)
    await ada.close(saved)
    form = await ada.modal_by("post Fresh mugs")
    await ada.close(form)
    await disconnect(ada, "Blue Door Bakery")

    listed = await ada.command("sets")
    before = text_of(listed)
    view = await ada.modal_by("sets bakery")
    await ada.close(view)
    await ada.press(listed, "sets.delete")

    accounts = next(block["element"] for block in form.blocks if block.get("block_id") == "accounts")
    assert len(accounts["initial_options"]) == 2
    assert "Saved *Bakery*" in told
    assert f"chosen in <#{ada.channel_id}>" in before
    assert "No longer connected: Blue Door Bakery." in before
    assert "No longer connected" in text_of(view)
    assert entries(listed) == []
    assert "no account sets yet" in text_of(listed)
    assert await office.rows(AccountSet) == []
