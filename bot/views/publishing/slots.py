"""The form for the weekly times at which accounts publish."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.services.posts.schedule import Shift, TimesError, TimesFault, shift_at
from bot.views import kit
from bot.views.publishing.account_select import NONE_CONNECTED, account_select
from bot.views.times import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bot.services.accounts.profiles import AccountProfile
    from bot.services.posts.schedule import Weekly
    from bot.views.kit import Json

TITLE = "Posting times"
ZONE = "zone"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHOWN, MOST_TYPED = 10, 200
CLOCKS = {
    Shift.NONE: "",
    Shift.SKIPPED: " (the clocks go forward that night, so the skipped hour is moved)",
    Shift.TWICE: " (the clocks go back that night, so the first of the two hours counts)",
}
"""What is said of a time that a change of the clocks touches."""


def block_of(day: int) -> str:
    """Return the block_id of a day's field."""
    return f"day:{day}"


def form(
    found: Sequence[AccountProfile], chosen: Sequence[str], weekly: Weekly, organization_id: str
) -> Json:
    """Return the form with these times in it. `chosen`: the accounts for which they are, by id."""
    intro = "When you write a post, you can choose the next of these times that is free on each account."
    return kit.modal(
        TITLE,
        [
            kit.words(intro),
            account_select("slots.accounts", found, chosen),
            *(_day(day, weekly) for day in range(len(DAYS))),
            kit.entry(
                ZONE,
                "Time zone",
                {
                    "type": "external_select",
                    "action_id": "slots.zone",
                    "min_query_length": 0,
                    "initial_option": kit.option(weekly.zone, weekly.zone),
                },
                hint="The times stay the same when the clocks change.",
            ),
        ],
        callback_id="slots.saved",
        submit="Save",
        close="Cancel",
        metadata=f"{organization_id}/",
    )


def _day(day: int, weekly: Weekly) -> Json:
    times = ", ".join(f"{at:%H:%M}" for at in weekly.of_day(day))
    element: Json = {"type": "plain_text_input", "action_id": "slots.times", "max_length": MOST_TYPED}
    hint = "For example 9:00, 17:30. Leave a day empty to publish nothing then." if day == 0 else ""
    return kit.entry(
        block_of(day),
        DAYS[day],
        element | ({"initial_value": times} if times else {}),
        hint=hint,
        optional=True,
    )


def fault(error: TimesError) -> str:
    """Return what is wrong with the times of a day, and what to write instead."""
    match error.fault:
        case TimesFault.UNREADABLE:
            return f"“{kit.cut(error.word, 40)}” isn't a time. Write times like 9:00, 17:30 or 5 pm."
        case TimesFault.TOO_CLOSE:
            return f"Leave at least 5 minutes between {error.word} and the next time."
        case TimesFault.TOO_MANY:
            return "Choose at most 24 times a day."


def saved(found: Sequence[AccountProfile], following: Mapping[str, datetime | None], zone: str) -> Json:
    """Return what is shown once the times are stored: the next that is free on each account."""
    changed = [one for one in found if one.account.id in following]
    lines = [_next(one, following[one.account.id], zone) for one in changed[:SHOWN]]
    if rest := changed[SHOWN:]:
        lines.append(f"and {len(rest)} more")
    return kit.modal(TITLE, [kit.section("✅ Saved.\n" + "\n".join(lines))])


def _next(one: AccountProfile, at: datetime | None, zone: str) -> str:
    name = f"*{kit.escape(one.label)}* ({one.platform.name})"
    if at is None:
        return f"{name}: no times"
    return f"{name}: next {moment(at)}{CLOCKS[shift_at(at, ZoneInfo(zone))]}"


def nothing() -> Json:
    """Return what is shown to an organization without accounts."""
    return kit.modal(
        TITLE,
        [kit.words(NONE_CONNECTED)],
    )
