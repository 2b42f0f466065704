"""Posting times and account sets: chosen once, used each time a post is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.member import text_of
from storage.models import AccountSet, AccountSlots, Delivery
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
    await ada.press(form, "sets.keep")
    both = await ada.modal_with("sets.name")
    kept = text_of(await ada.submit(both, {"sets.name": "Bakery"}))
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
    assert "Saved *Bakery*: Ana Ruiz Studio and Blue Door Bakery" in kept
    assert f"chosen in <#{ada.channel_id}>" in before
    assert "No longer connected: Blue Door Bakery." in before
    assert "No longer connected" in text_of(view)
    assert entries(listed) == []
    assert "no account sets yet" in text_of(listed)
    assert await office.rows(AccountSet) == []


async def test_a_post_goes_out_at_the_next_free_time_of_each_account(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=2)
    view = await ada.modal_by("post Fresh mugs")
    both, slot = options(view), ["next_slot"]
    without = await ada.submit(view, {"compose.accounts": both, "compose.extras": slot})
    refused = str(without.errors)
    await ada.close(without)
    times = await ada.modal_by("slots")
    await ada.close(await ada.submit(times, {"slots.accounts": both, "slots.times": "9:00"}))

    for text in ("Fresh mugs", "Fresh cups"):
        view = await ada.modal_by(f"post {text}")
        shown = await ada.submit(view, {"compose.accounts": both, "compose.extras": slot})
        assert "at the next free time" in text_of(shown)
        await ada.close(shown)

    assert "have no weekly times" in refused
    found = await office.rows(Delivery)
    at = {account: sorted(one.due_at for one in found if one.account_id == account) for account in both}
    assert [len(set(each)) for each in at.values()] == [2, 2]
