"""What was pressed or filled, read from Slack's payload."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack.dispatch.replies import pressed_in
from bot.views import kit


def choosing(element: dict[str, Any]) -> dict[str, Any]:
    """Return what Slack reports when the first option of a menu or select is chosen."""
    return {
        "type": element["type"],
        "action_id": element["action_id"],
        "selected_option": element["options"][0],
    }


@pytest.mark.parametrize(
    ("pressed", "expected"),
    [
        (kit.button("Reconnect", "account.reconnect", "org_1/acc_1"), ("account.reconnect", "org_1/acc_1")),
        (
            choosing(kit.menu(kit.menu_entry("Reconnect", "account.reconnect", "org_1/acc_1"))),
            ("account.reconnect", "org_1/acc_1"),
        ),
        (
            {"type": "checkboxes", "action_id": "compose.more", "selected_options": [{"value": "theirs"}]},
            ("compose.more", "org_1/drf_1"),
        ),
    ],
    ids=["button", "entry of a menu", "entered"],
)
def test_an_element_names_its_route_and_what_it_is_about(
    pressed: dict[str, Any], expected: tuple[str, str]
) -> None:
    body = {"actions": [pressed], "view": {"private_metadata": "org_1/drf_1"}}

    assert pressed_in(body) == expected
