"""Which organization a channel is about: choosing one, asking for the change, and deciding about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.kit import Message
from bot.views.ownership import choice, ownership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.notifications import ChannelDecided, ChannelRequested
    from bot.services.organizations.channels import Requested, Switched
    from bot.views.kit import Json
    from storage.organization_summaries import Summary
    from storage.standing import Seat

OPTIONS_SHOWN = 100
"""Slack takes at most 100 options."""

ANSWERED = "Someone already answered that request, it has expired, or the channel has changed since."


def which(found: Sequence[Summary], realm: str) -> Message:
    """Return the question which of several organizations with the same name a channel is to be about."""
    blocks = [kit.words("Several of your organizations have that name. Which one is it?")]
    blocks += [choice(one, realm, "channel.switch", f"{one.organization_id}/") for one in found]
    return Message(text="Which organization?", blocks=blocks)


def choose(able: Sequence[Seat], meant: Sequence[Seat], typed: str) -> Message:
    """Return the question which organization a channel is to be about; `meant` are probably the one typed."""
    text = "Which organization should be this channel's default?"
    guess = f" Did you mean {kit.listed([seat.organization_name for seat in meant], 'or')}?" if meant else ""
    said = f"None of your organizations is called “{kit.cut(typed, 40)}”.{guess}" if typed else ""
    first = [*meant, *(seat for seat in able if seat not in meant)]
    select: Json = {
        "type": "static_select",
        "action_id": "channel.switch",
        "placeholder": kit.plain("Choose an organization", 150),
        "options": [
            kit.option(seat.organization_name, f"{seat.organization_id}/") for seat in first[:OPTIONS_SHOWN]
        ],
    }
    return Message(
        text=text,
        blocks=[
            *([kit.words(said)] if said else []),
            kit.words(text),
            kit.actions(select),
            kit.fine_print("This changes what /octapost means here, for everyone in the channel."),
        ],
    )


def switched(one: Switched, user_id: str) -> Message:
    """Return what everyone in a channel reads once somebody has switched it."""
    name = kit.escape(one.organization)
    return Message(
        text=f"In this channel, /octapost now means {one.organization}.",
        blocks=[
            kit.section(f"In this channel, `/octapost` now means {name}, for everyone. Set by <@{user_id}>.")
        ],
    )


def requested(one: Requested) -> str:
    """Return what the person reads whose switch an admin has to approve."""
    return (
        f"This channel is linked to {one.present}, so I've asked its admins. It changes to {one.organization}"
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
