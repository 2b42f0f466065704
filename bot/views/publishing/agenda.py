"""The agenda on the App Home: what needs someone, what goes out when, and the reader's drafts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.services.posts.agenda import Agenda
from bot.services.posts.results import PostReport
from bot.views import kit
from bot.views.publishing import risks
from bot.views.publishing.post_menu import DUPLICATE, LIVE, post_entries
from bot.views.publishing.posts import ACCOUNTS_NAMED, STORY, excerpt, time_of
from bot.views.publishing.result import headline
from bot.views.times import clock, day_heading, moment
from storage.post_listings import Which

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from bot.services.posts.risks import Risk
    from bot.views.kit import Json
    from bot.views.publishing.result import PlatformOf
    from storage.models import Role

RISKS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Who reads the agenda, and when."""

    organization_id: str
    role: Role
    zone: ZoneInfo
    """The reader's own."""
    now: datetime
    platform: PlatformOf


def blocks(agenda: Agenda, found: Mapping[str, tuple[Risk, ...]], reading: Reading) -> list[Json]:
    """Return the agenda in at most 31 blocks. `found`: the risks of posts, by post id."""
    made: list[Json] = []
    if agenda.attention:
        made.append(kit.section(f"*{_needing(agenda.totals.attention)}*"))
        made += [_needy(one, reading) for one in agenda.attention]
    today = reading.now.astimezone(reading.zone).date()

    def day_of(one: PostReport) -> date:
        return max(today, time_of(one, Which.SCHEDULED).astimezone(reading.zone).date())

    for day, posts in groupby(agenda.coming, key=day_of):
        made.append(kit.section(f"*{day_heading(day, today)}*"))
        for one in posts:
            made.append(_coming(one, reading))
            if one.post_id in found:
                said = [f"⚠️ {risks.sentence(risk)}" for risk in found[one.post_id]]
                made.append(kit.fine_print(*said[:RISKS_SHOWN]))
    if not agenda.coming:
        made.append(kit.fine_print("Nothing is scheduled."))
    made += _drafts(agenda, reading)
    return [kit.divider(), *made, *_more(agenda, reading)]


def _needing(total: int) -> str:
    return f"⚠️ {kit.posts(total)} {'needs' if total == 1 else 'need'} someone"


def _needy(one: PostReport, reading: Reading) -> Json:
    due = moment(time_of(one, Which.ATTENTION))
    text = f"{headline(one)} · {due}\n>{excerpt(one.text)}\n{_accounts(one, reading)}"
    return kit.section(text, accessory=_menu(one, reading))


def _coming(one: PostReport, reading: Reading) -> Json:
    due = clock(time_of(one, Which.SCHEDULED).astimezone(reading.zone))
    text = f"{due}  {excerpt(one.text)}\n{_accounts(one, reading)}"
    return kit.section(text, accessory=_menu(one, reading))


def _accounts(one: PostReport, reading: Reading) -> str:
    named = [f"{each.account} ({reading.platform(each.platform).name})" for each in one.deliveries]
    return kit.escape(kit.some(named, ACCOUNTS_NAMED))


def _menu(one: PostReport, reading: Reading) -> Json:
    value = f"{reading.organization_id}/{one.post_id}"
    entries = [kit.menu_entry("Details", f"{STORY}.details", value)]
    if allows(reading.role, Permission.PUBLISH):
        # A menu has five entries at most.
        entries += post_entries(one, f":{Which.OPEN}:0", but=(DUPLICATE, LIVE))
    return kit.menu(*entries)


def _drafts(agenda: Agenda, reading: Reading) -> list[Json]:
    """Return the reader's drafts, each with the button that opens it."""
    if not agenda.drafts or not allows(reading.role, Permission.WRITE_POSTS):
        return []
    made = [kit.section("*Your drafts*")]
    for one in agenda.drafts:
        label = f"Continue the draft {one.written.text}"
        go_on = kit.button("Continue", "compose.continue", f"{reading.organization_id}/{one.id}", label=label)
        made.append(kit.section(excerpt(one.written.text), accessory=go_on))
    return made


def _more(agenda: Agenda, reading: Reading) -> list[Json]:
    """Return the buttons to what there is no room for."""
    value, buttons = f"{reading.organization_id}/", []
    shown = len(agenda.coming) + len(agenda.attention)
    if shown:
        buttons.append(kit.button("Show all posts", f"{STORY}.all", f"{value}0:{Which.OPEN}"))
    if agenda.totals.drafts > len(agenda.drafts) and allows(reading.role, Permission.WRITE_POSTS):
        buttons.append(kit.button("Show all drafts", f"{STORY}.drafts", f"{value}0:drafts"))
    return [kit.actions(*buttons)] if buttons else []
