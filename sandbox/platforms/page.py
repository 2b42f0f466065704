"""The consent page, one template for all simulated platforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

if TYPE_CHECKING:
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
