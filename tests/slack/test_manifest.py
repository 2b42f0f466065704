"""manifest.yml asks for exactly what the code uses, and is valid by Slack's published schema."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import manifest
from bot.slack.commands import COMMAND
from bot.slack.routes import Kind
from bot.slack.scopes import BOT_SCOPES, USER_SCOPES
from tests.application import routes_of

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests" / "data" / "slack-app-manifest.schema.2.0.0.json"
NEEDS = {
    "chat_postMessage": "chat:write",
    "chat_update": "chat:write",
    "users_info": "users:read",
    "team_info": "team:read",
    "auth_test": None,
    "migration_exchange": None,
    "views_open": None,
    "views_push": None,
    "views_update": None,
    "views_publish": None,
    "oauth_v2_access": None,
    "openid_connect_token": None,
}
"""Web API methods by the bot scope they need, from each method's page on docs.slack.dev."""
EVENT_SCOPES = {"user_change": "users:read"}


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    return dict(yaml.safe_load(manifest.text()))


def called() -> set[str]:
    """Every Web API method that bot/ calls on a client."""
    return known_methods() & {
        node.attr
        for path in (ROOT / "bot").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }


def known_methods() -> set[str]:
    return {name for name in dir(AsyncWebClient) if "_" in name and not name.startswith("_")} - {
        "api_call",
        "base_url",
        "default_params",
        "retry_handlers",
        "trust_env_in_session",
        "user_agent_prefix",
        "team_id",
    }


def test_the_manifest_is_valid_by_slacks_schema(declared: dict[str, Any]) -> None:
    jsonschema.validate(declared, json.loads(SCHEMA.read_text()))


def test_every_method_the_code_calls_has_its_scope_and_no_other_scope_is_asked_for(
    declared: dict[str, Any],
) -> None:
    methods = called()
    assert methods <= set(NEEDS), f"say which scope these need: {sorted(methods - set(NEEDS))}"
    events = declared["settings"]["event_subscriptions"]["bot_events"]

    needed = {NEEDS[m] for m in methods} | {EVENT_SCOPES.get(e) for e in events} | {"commands"}

    asked = declared["oauth_config"]["scopes"]["bot"]
    assert set(asked) == needed - {None} == set(BOT_SCOPES)
    assert declared["oauth_config"]["scopes"]["user"] == list(USER_SCOPES)


def test_every_scope_in_the_file_has_its_reason_beside_it() -> None:
    lines = manifest.text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == "scopes:")
    scopes = [line for line in lines[start:] if line.startswith("      - ")][: len(BOT_SCOPES) + 1]
    assert all("#" in line for line in scopes if ":" in line or "commands" in line), scopes


def test_the_manifest_listens_to_exactly_the_events_and_shortcuts_that_have_a_handler(
    declared: dict[str, Any],
) -> None:
    routes = list(routes_of())

    events = {r.key for r in routes if r.kind is Kind.EVENT}
    shortcuts = {r.key for r in routes if r.kind is Kind.SHORTCUT}
    assert set(declared["settings"]["event_subscriptions"]["bot_events"]) == events
    assert {s["callback_id"] for s in declared["features"]["shortcuts"]} == shortcuts
    assert [c["command"] for c in declared["features"]["slash_commands"]] == [COMMAND]


def test_the_usage_hint_names_commands_that_exist(declared: dict[str, Any]) -> None:
    hint = declared["features"]["slash_commands"][0]["usage_hint"]
    words = {part.split()[0] for part in hint.split("|")}

    known = {r.key for r in routes_of() if r.kind is Kind.COMMAND}
    assert words <= known


def test_the_printed_manifest_carries_the_installations_own_addresses() -> None:
    printed = yaml.safe_load(manifest.filled_in("https://bot.example.com", socket_mode=True))

    assert printed["oauth_config"]["redirect_urls"] == [
        "https://bot.example.com/slack/oauth_redirect",
        "https://bot.example.com/slack/identity",
    ]
    assert printed["settings"]["socket_mode_enabled"] is True
    assert manifest.PLACEHOLDER not in manifest.filled_in("https://bot.example.com")


@pytest.mark.parametrize("url", ["http://bot.example.com", "bot.example.com", "https://a/b", "https://u:p@a"])
def test_an_address_slack_would_refuse_is_refused_here(url: str) -> None:
    with pytest.raises(ValueError, match="https origin"):
        manifest.filled_in(url)


def test_the_apps_colour_is_the_one_of_our_pages_and_icon(declared: dict[str, Any]) -> None:
    templates = ROOT / "bot" / "web" / "templates"
    light = (templates / "style.css").read_text().partition("--sea: ")[2].partition(";")[0]

    assert declared["display_information"]["background_color"] == light
    assert f'fill="{light}"' in (templates / "icon.svg").read_text()
