"""What a person is told, in the browser and in Slack, when a consent came to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.notifications import ConsentFailed, ConsentProblem
from bot.slack.commands import COMMAND
from bot.views import kit
from bot.views.errors import explain
from bot.views.kit import Message

if TYPE_CHECKING:
    from adapters.base import App, Platform, PlatformError

MISSING_SCOPE = "missing_scope"
"""The code with which adapters reject a consent that does not cover the question whose it is."""


def declined(platform: Platform) -> str:
    """Return what is said to somebody who pressed Cancel at the platform."""
    return f"You said no at {platform.name}, so nothing was connected and nothing was stored."


def how_to_go_on(platform: Platform) -> str:
    """Return the way back in; the link that was used up is of no use any more."""
    return f"Changed your mind? Type `{COMMAND} connect {platform.key}` in Slack for a new link."


def missing_product(platform: Platform, app: App) -> str:
    """Return whose fault it is that the platform refused to ask: the operator's, and what they lack."""
    products = list(dict.fromkeys(scope.product for scope in app.scopes if scope.product))
    named = f" It needs {kit.listed(products)}." if products else ""
    return (
        f"That's on us, not on you: this installation's {platform.name} app may not ask for what it needs."
        f"{named} Whoever runs Octapost has to request that at {platform.name}."
    )


def refused(platform: Platform, code: str) -> str:
    """Return what is said when the platform sent an error we have no better words for."""
    named = f" (code `{code}`)" if code else ""
    return f"{platform.name} stopped the sign-in{named}. Nothing was connected."


def not_accepted(platform: Platform, error: PlatformError) -> str:
    """Return what is said when the platform refused the consent itself."""
    if error.code == MISSING_SCOPE:
        return (
            f"A permission was left out without which {platform.name} doesn't even say whose account it is."
            " Nothing was connected; please start again and leave every permission ticked."
        )
    return explain(error, platform.name)


def why(one: ConsentFailed, platform: Platform) -> str:
    """Return why nothing was connected, in a sentence or two."""
    match one.problem:
        case ConsentProblem.DECLINED:
            return declined(platform)
        case ConsentProblem.MISSING_PRODUCT:
            return missing_product(platform, next(app for app in platform.apps if app.key == one.app))
        case ConsentProblem.NOT_ACCEPTED if one.failure is not None:
            return not_accepted(platform, one.failure.error)
        case _:
            return refused(platform, one.code)


def failed(one: ConsentFailed, platform: Platform) -> Message:
    """Return the direct message about a trip that connected nothing, with a button that starts again."""
    said = why(one, platform).replace("`", "")
    again = kit.button(
        f"Try {platform.name} again", f"connect.platform.{one.app}", f"{one.organization_id}/{one.app}"
    )
    return Message(text=said, blocks=[kit.words(said), kit.actions(again)])
