"""Asking a person to reconnect: who can, the modal to choose one, and the direct message to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import BY_PLATFORM
from bot.services.incidents.responses import Ineligible
from bot.services.permissions import Permission, roles_with
from bot.views import kit, sign_in_as
from bot.views.incidents import ended, headline, main_button, names_of
from bot.views.kit import Message
from bot.views.reasons import remedy_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.incidents.card_facts import IncidentCard, RequestFacts
    from bot.views.kit import Json
    from storage.models import Membership

PERSON = "person"
SEND_TITLE = "Send the link"
NOBODY_CHOSEN = "Choose a person."


def who_can(one: IncidentCard, people: Sequence[Membership], *, can_send: bool) -> Message:
    """Return the answer to "Who can do this?", with a button for members who may ask one of them."""
    able = roles_with(Permission.CONNECT_ACCOUNTS)
    found = {role: kit.listed(kit.mention(m) for m in people if m.role == role) for role in able}
    named = "; ".join(f"{role.word}s {names}" for role, names in found.items() if names)
    lines = [
        f"Any {kit.listed((role.word for role in able), 'or')} of the organization can: {named}.",
        f"They need a {one.platform.name} login that manages these accounts.",
    ]
    blocks = [kit.words(f"Who can reconnect {names_of(one)}?"), kit.section("\n".join(lines))]
    if can_send and one.incident.open:
        blocks.append(kit.actions(kit.button("Send the link to…", "incident.send", one.value)))
    return Message(text=f"Who can reconnect {names_of(one)}?", blocks=blocks)


def link_sent() -> Json:
    """Return the modal that confirms that the link was sent."""
    return kit.message_modal(SEND_TITLE, "✅ Sent. The card will show when it's done.")


def ineligible(why: Ineligible, organization: str) -> str:
    """Return why a person cannot be asked to reconnect, and how to change that."""
    if why is Ineligible.NO_MEMBER:
        return (
            f"They aren't a member of {organization}. An owner can invite them as an admin with"
            " /octapost org invite."
        )
    return (
        f"They're a member of {organization}, but only admins can reconnect. An owner can make them one with"
        " /octapost org role."
    )


def send_to(one: IncidentCard) -> Json:
    """Return the modal in which an admin chooses the person to ask."""
    element = {
        "type": "users_select",
        "action_id": "select",
        "placeholder": kit.plain("Choose a person", 150),
    }
    return kit.modal(
        SEND_TITLE,
        [
            kit.words(f"Who should reconnect {names_of(one)} on {one.platform.name}?"),
            kit.entry(PERSON, "Person", element, hint="An admin or owner of the organization."),
            kit.fine_print("They get a direct message. Only they can use the link in it."),
        ],
        callback_id="incident.sent",
        submit="Send",
        close="Cancel",
        metadata=one.value,
    )


def request(one: RequestFacts) -> Message:
    """Return the direct message that asks a member to reconnect, or says that it is done.

    The link itself is made when they press the button: it works for 10 minutes, for them alone.
    """
    card = one.card
    if not card.incident.open:
        return _done(card)
    asked = (
        f"{kit.named(one.asked_by)} asked you"
        if one.asked_by is not None
        else "No one has picked this up yet, so I'm asking you"
    )
    if card.incident.code in BY_PLATFORM:
        return _to_unblock(card, asked)
    text = f"Please reconnect {names_of(card)} ({card.platform.name}) for {card.organization}."
    return Message(
        text=text,
        blocks=[
            kit.words(f"🔗 {text}"),
            {"type": "context", "elements": [kit.mrkdwn(f"{asked}. It takes a minute.")]},
            *sign_in_as.block(card.sign_in_as, card.platform),
            kit.actions(kit.button("Get my link", "incident.reconnect", card.value, style="primary")),
        ],
    )


def _to_unblock(card: IncidentCard, asked: str) -> Message:
    """Return the message about an account that its platform has blocked: a new sign-in would change nothing."""
    _, text = headline(card)
    said = kit.mrkdwn(f"{asked}. {remedy_text(card.platform, card.incident.code)}")
    buttons = main_button(card)
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            {"type": "context", "elements": [said]},
            *([kit.actions(*buttons)] if buttons else []),
        ],
    )


def _done(card: IncidentCard) -> Message:
    """Return what replaces a request whose incident is resolved."""
    sign, text = headline(card)
    blocks = [kit.words(f"{sign} Done: {text}")]
    if said := ended(card):
        blocks.append({"type": "context", "elements": [kit.mrkdwn(said)]})
    return Message(text=f"Done: {text}", blocks=blocks)
