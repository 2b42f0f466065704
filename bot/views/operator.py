"""What the operator's channel hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.tokens.policy import BREAKER_OPEN, OUTAGE, REFUSED
from bot.views import kit
from bot.views.kit import Message

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.notifications import OperatorNeeded


def needs_you(one: OperatorNeeded, platform: Platform) -> Message:
    """Return the message that a platform needs whoever runs this installation."""
    if one.code == BREAKER_OPEN:
        what = f"{platform.name} suddenly calls many sign-ins over. I don't believe it yet and have told no member."
        do = (
            f"See whether {platform.name} has an outage, and whether our app there is still in good standing."
            " If it is real, members are told an hour after it ends."
        )
    elif one.code == OUTAGE:
        what = f"{platform.name} leaves many of my calls without an answer. Members were not told."
        do = (
            f"See {platform.name}'s status page. I keep trying, and what waited is renewed when it answers"
            " again."
        )
    elif one.code == REFUSED:
        what = (
            f"{platform.name} has refused to renew our sign-ins for hours, all alike. Members were not told."
        )
        do = (
            f"See {platform.name}'s status page and its news for developers, and whether our app there is still in"
            " good standing. I keep trying, and what waited is renewed when it accepts them again."
        )
    else:
        what = f"{platform.name} refuses our app, so nothing there can be connected or renewed."
        do = (
            "Compare the app's id, secret and addresses there with `octapost doctor`, and see whether the app is"
            " approved and in good standing. Nothing is lost meanwhile."
        )
    text = f"{platform.name} needs you"
    return Message(
        text=f"{text}: {what}",
        blocks=[kit.header(text), kit.words(f"{what}\n{do}"), kit.fine_print(f"Code: {one.code}")],
    )
