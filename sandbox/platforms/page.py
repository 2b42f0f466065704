"""The pages that all simulated platforms share: consent, and what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

if TYPE_CHECKING:
    from sandbox.platforms.timeline import Published
    from sandbox.platforms.values import Asset, Person

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True)
)


def consent_page(
    *,
    title: str,
    colour: str,
    query: dict[str, str],
    people: Sequence[Person],
    person: Person,
    scopes: Sequence[str],
    untickable: bool,
    assets: Sequence[Asset],
    asset_question: str,
    one_asset: bool,
) -> str:
    """Return the HTML of the consent page: who the person is, what the app asks for, and Approve and Cancel."""
    values: dict[str, Any] = dict(locals())
    return PAGES.get_template("consent.html").render(values)


def timeline_page(
    *, title: str, colour: str, heading: str, posts: Sequence[Published], names: Mapping[str, str], files: str
) -> str:
    """Return the HTML of posts in the order given. `names` are those of accounts; `files` is where their files are."""
    values: dict[str, Any] = dict(locals())
    values["times"] = {
        post.id: datetime.fromtimestamp(post.at, UTC).strftime("%d %b %Y, %H:%M UTC") for post in posts
    }
    return PAGES.get_template("timeline.html").render(values)
