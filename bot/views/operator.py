"""What is posted in the operator's channel."""

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
        what = f"{platform.name} suddenly says that many sign-ins have ended. I haven't told any member yet."
        do = (
            f"Check whether {platform.name} has an outage, and whether our app there is still in good standing."
            " If the sign-ins have really ended, I'll tell members an hour after this settles."
        )
    elif one.code == OUTAGE:
        what = f"{platform.name} isn't answering many of my calls. I haven't told members."
        do = (
            f"Check {platform.name}'s status page. I'll keep trying, and renew what waited when it answers"
            " again."
        )
    elif one.code == REFUSED:
        what = f"{platform.name} has refused all of our sign-in renewals for hours. I haven't told members."
        do = (
            f"Check {platform.name}'s status page and developer news, and whether our app there is still in good"
            " standing. I'll keep trying, and renew what waited when it accepts renewals again."
        )
    else:
        what = f"{platform.name} refuses our app, so I can't connect or renew anything there."
        do = (
            "Compare the app's id, secret and addresses there with `octapost doctor`, and check that the app is"
            " approved and in good standing. Nothing is lost meanwhile."
        )
    text = f"{platform.name} needs you"
    return Message(
        text=f"{text}: {what}",
        blocks=[kit.header(text), kit.words(f"{what}\n{do}"), kit.fine_print(f"Code: {one.code}")],
    )
