"""Named sets of accounts: the list, and the form that saves one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.posts.account_sets import LONGEST_NAME
from bot.views import kit
from bot.views.kit import Message
from bot.views.publishing.account_select import NONE_CONNECTED, account_select

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.services.accounts.profiles import AccountProfile
    from bot.services.posts.account_sets import SetReport
    from bot.views.kit import Json

TITLE, STORY = "Account sets", "sets"
NAME, HERE = "name", "here"
SHOWN, NAMED = 40, 5
NO_NAME = "Give the set a name."


def listed(found: Sequence[SetReport], organization: str, organization_id: str) -> Message:
    """Return the organization's sets, with what can be done about each."""
    count = len(found)
    text = f"{organization} has {count} account {'set' if count == 1 else 'sets'}."
    if not found:
        text = f"{organization} has no account sets yet. A set is accounts that you often choose together."
    blocks: list[Json] = [kit.words(text), *(_entry(one, organization_id) for one in found[:SHOWN])]
    if count > SHOWN:
        blocks.append(kit.fine_print(f"and {count - SHOWN} more"))
    blocks.append(kit.actions(kit.button("New set", f"{STORY}.new", f"{organization_id}/")))
    return Message(text=text, blocks=blocks)


def _entry(one: SetReport, organization_id: str) -> Json:
    value = f"{organization_id}/{one.id}"
    menu = kit.menu(
        kit.menu_entry("Change", f"{STORY}.change", value), kit.menu_entry("Delete", f"{STORY}.delete", value)
    )
    text = f"*{kit.escape(one.name)}*"
    if one.channel:
        text += f" · chosen in <#{one.channel}>"
    lines = [text, kit.escape(kit.some(one.accounts.values(), NAMED)) or "_No accounts left_"]
    if one.gone:
        lines.append(f"⚠️ {kit.escape(gone(one))}")
    return kit.section("\n".join(lines), accessory=menu)


def gone(one: SetReport) -> str:
    """Return which accounts of a set are not connected any more: literal text."""
    return f"No longer connected: {kit.some(one.gone, NAMED)}."


def form(
    found: Sequence[AccountProfile],
    one: SetReport | None,
    name: str,
    organization_id: str,
    channel: str,
    *,
    chosen: Collection[str] = (),
) -> Json:
    """Return the form for a set: `one`, or a new one of the accounts in `chosen`.

    `channel`: where it can be chosen beforehand.
    """
    chosen = one.accounts if one is not None else chosen
    named: Json = {"type": "plain_text_input", "action_id": "sets.name", "max_length": LONGEST_NAME}
    name = one.name if one is not None else name
    blocks = [
        kit.entry(NAME, "Name", named | ({"initial_value": name[:LONGEST_NAME]} if name else {})),
        account_select("sets.accounts", found, chosen),
    ]
    if one is not None and one.gone:
        blocks.append(kit.fine_print(gone(one)))
    if channel:
        box = kit.option("Choose these accounts when a post is begun in this channel", "here")
        boxes: Json = {"type": "checkboxes", "action_id": "sets.here", "options": [box]}
        already = one is None or one.channel == channel
        blocks.append(
            kit.entry(
                HERE,
                "This channel",
                boxes | ({"initial_options": [box]} if already else {}),
                optional=True,
            )
        )
    return kit.modal(
        TITLE,
        blocks,
        callback_id="sets.saved",
        submit="Save",
        close="Cancel",
        metadata=f"{organization_id}/{channel}:{one.id if one is not None else ''}",
    )


def saved(one: SetReport) -> Json:
    """Return what is shown once a set is stored."""
    text = f"✅ Saved *{kit.escape(one.name)}*: {kit.escape(kit.some(one.accounts.values(), NAMED))}."
    if one.channel:
        text += f" A post that is begun in <#{one.channel}> has them chosen already."
    return kit.modal(TITLE, [kit.section(text)])


def nothing() -> Json:
    """Return what is shown to an organization without accounts."""
    return kit.modal(TITLE, [kit.words(NONE_CONNECTED)])
