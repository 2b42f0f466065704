"""Which organization a channel is about: choosing one, asking for the change, and deciding about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.organizations.channels import Requested, Switched
from bot.views import kit
from bot.views.kit import Message
from bot.views.ownership import choice, ownership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.notifications import ChannelDecided, ChannelRequested
    from storage.organization_summaries import Summary


ANSWERED = "Someone already answered that request, it has expired, or the channel has changed since."


def which(found: Sequence[Summary], realm: str) -> Message:
    """Return the question which of several organizations with the same name a channel is to be about."""
    blocks = [kit.words("Several of your organizations have that name. Which one is it?")]
    blocks += [choice(one, realm, "channel.switch", f"{one.organization_id}/") for one in found]
    return Message(text="Which organization?", blocks=blocks)


def switched(result: Switched | Requested) -> str:
    """Return what the person who switches a channel reads."""
    match result:
        case Switched(organization=organization):
            return f"In this channel, /octapost now means {organization}."
        case Requested(organization=organization, present=present):
            return (
                f"This channel is linked to {present}, so I've asked its admins. It changes to {organization}"
                " when one of them approves."
            )


def approved(wanted: str) -> str:
    """Return what the admin who approved a request reads."""
    return f"Approved: the channel is now linked to {wanted}."


def declined(organization: str) -> str:
    """Return what the admin who declined a request reads."""
    return f"Declined: the channel stays linked to {organization}."


def asks(one: ChannelRequested) -> Message:
    """Return what the admins of a channel's present organization are asked."""
    text = f"Someone wants to link a channel of {one.organization} to {one.wanted.name} instead."
    channel, who = f"<#{one.channel_id}>", f"<@{one.user_id}>"
    now, then = kit.escape(one.organization), kit.escape(one.wanted.name)
    value = f"{one.organization_id}/{one.request_id}"
    return Message(
        text=text,
        blocks=[
            kit.section(
                f"{who} wants /octapost in {channel} to mean *{then}* instead of *{now}*."
                f"\n{then}: {ownership(one.wanted, one.realm)}"
            ),
            kit.actions(
                kit.button("Approve", "channel.approve", value, style="primary"),
                kit.button("Decline", "channel.decline", value),
            ),
            kit.fine_print("Nothing changes until an admin approves. The request expires in 7 days."),
        ],
    )


def decided(one: ChannelDecided) -> Message:
    """Return what the person reads who asked."""
    channel, wanted = f"<#{one.channel_id}>", one.wanted
    if one.approved:
        text = approved(wanted)
        said = f"An admin approved your request: in {channel}, /octapost now means {kit.escape(wanted)}."
    else:
        text = f"Declined: the channel isn't linked to {wanted}."
        said = f"An admin declined your request: {channel} isn't linked to {kit.escape(wanted)}."
    return Message(text=text, blocks=[kit.section(said)])
