"""The menu of a whole post, in lists and in its own message: what can be done with it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from storage.delivery_decisions import CANCELLABLE, PUBLISHABLE
from storage.models import DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.services.posts.results import DeliveryReport, PostReport
    from bot.views.kit import Json

RESCHEDULE, DUPLICATE, LIVE = "Reschedule", "duplicate", "live"
MOST = 5
"""Entries of a menu."""


def post_menu(one: PostReport, about: str = "") -> Json:
    """Return the menu. `about`: the list it is in, so that the list is shown again after a decision."""
    return kit.menu(*post_entries(one, about))


def post_entries(one: PostReport, about: str = "", but: Collection[str] = ()) -> list[Json]:
    """Return the entries of the menu, without those for `but`; a post that has all of them is duplicated later."""
    states = {each.status for each in one.deliveries}
    changeable = any(map(_changeable, one.deliveries))
    offered = {
        "publish": ("Publish now", bool(states.intersection(PUBLISHABLE))),
        "edit": ("Edit", changeable),
        "reschedule": (RESCHEDULE, changeable),
        DUPLICATE: ("Duplicate", True),
        "cancel": ("Cancel", bool(states.intersection(CANCELLABLE))),
        LIVE: ("Edit or delete…", DeliveryStatus.SENT in states),
    }
    shown = {what: text for what, (text, possible) in offered.items() if possible and what not in but}
    if len(shown) > MOST:
        del shown[DUPLICATE]
    value = f"{one.organization_id}/{one.post_id}{about}"
    return [kit.menu_entry(text, f"posts.{what}", value) for what, text in shown.items()]


def _changeable(one: DeliveryReport) -> bool:
    """Tell whether a delivery is still to come, and nothing of it is live."""
    return one.status in CANCELLABLE and not one.live
