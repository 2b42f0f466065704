"""The App Home's last line: privacy, and where people who need help write."""

from __future__ import annotations

import pytest

from bot.views.home import Links, with_footer


@pytest.mark.parametrize(
    ("support", "line"),
    [
        (
            "mailto:help@example.com",
            "<https://bot.example/privacy|Privacy> · <mailto:help@example.com|Support>",
        ),
        ("", "<https://bot.example/privacy|Privacy>"),
    ],
)
def test_the_home_leads_to_privacy_and_support(support: str, line: str) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}] * 100}

    blocks = with_footer(home, Links(privacy="https://bot.example/privacy", support=support))["blocks"]

    assert len(blocks) == 100
    assert blocks[-1]["elements"][0]["text"] == line
