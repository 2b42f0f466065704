"""What people read while an answer is not ready, and when it could not be shown."""

from __future__ import annotations

from bot.services.notifications import FormNotOpened
from bot.views import kit
from bot.views.kit import Json, Message

OPEN_AGAIN = "octapost.open"
"""The action_id of a button that does what a command or a shortcut did; its value says which."""
STILL_WORKING = "Still working on it. I'll post the result here."
BUSY = "Octapost is very busy right now, so I didn't start on this. Please try again in a minute."
DONE = "Done."
NOT_SHOWN = "Done, but Slack didn't let me show the result."
NOT_OPENED = "Slack didn't open the form in time. Nothing changed."


def loading(title: str, external_id: str = "") -> Json:
    """Return the modal that is shown until the answer is ready."""
    view = kit.message_modal(title, "Still working on it. The result will appear here.")
    return view | ({"external_id": external_id} if external_id else {})


def not_opened(one: FormNotOpened) -> Message:
    """Return why there is no form, and the button that opens it."""
    again = kit.button("Open it", one.action_id, one.value, style="primary")
    return Message(text=NOT_OPENED, blocks=[kit.words(NOT_OPENED), kit.actions(again)])
