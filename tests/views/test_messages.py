"""Every kind of notification: it is stored and read back whole, it has a view, and it holds no secret."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from bot.services.notifications import Living, Notification
from bot.services.organizations.deletion import ASKING
from bot.views.messages import KINDS, VIEWS
from sandbox.slack.blocks import message_faults
from storage.models import Role
from storage.organization_summaries import Owner, Summary
from tests.application import settings

LINK = re.compile(r"(?:https?:)?//\S+")
SECRETS = frozenset(
    {"token", "secret", "ticket", "url", "link", "code_hash", "verifier", "state", "password"}
)
"""Names no fact may have: they are what a one-time link or a credential is called."""
AT = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)
OF_OURS = {"platform": "linkedin", "app": "linkedin", "role": Role.ADMIN, "code": "invalid_client"}
PICTURE = "https://pictures.example/ada.png"
SUMMARY = Summary(
    organization_id="org_1",
    name="Acme",
    owners=(Owner(realm="T1", user_id="U1", workspace="Acme"),),
    accounts=2,
)


def kinds(of: type[Notification] = Notification) -> Iterator[type[Notification]]:
    """Yield every kind there is, wherever it is defined."""
    for kind in of.__subclasses__():
        yield from kinds(kind)
        if hasattr(kind, "KIND"):
            yield kind


def value(hint: Any, name: str = "") -> Any:
    """Return a value that a fact of this type may have, and no default has."""
    if name in OF_OURS:
        return OF_OURS[name]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return value(next(one for one in inner if one is not NoneType), name)
    if origin is tuple:
        return (
            tuple(value(one) for one in inner if one is not Ellipsis)
            + ((value(inner[0]),) * 2)[: inner[-1] is Ellipsis]
        )
    if dataclasses.is_dataclass(hint) and hint is not Summary:
        assert isinstance(hint, type)
        return filled(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return list(hint)[-1]
    return {str: "Words", int: 7, bool: True, datetime: AT, Summary: SUMMARY}[hint]


def filled(kind: type[Any]) -> Any:
    """Return one with every field filled."""
    hints = get_type_hints(kind)
    known: dict[str, Any] = {
        "verdict": "Rejected",
        "reason": "suspended",
        "hints": (),
        "missing": (),
        "picture": PICTURE,
    }
    return kind(**{f.name: known.get(f.name, value(hints[f.name], f.name)) for f in dataclasses.fields(kind)})


def every_field(kind: type[Any]) -> Iterator[str]:
    hints = get_type_hints(kind)
    for each in dataclasses.fields(kind):
        yield each.name
        for inner in (hints[each.name], *get_args(hints[each.name])):
            if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                yield from every_field(inner)


def test_every_kind_has_a_view_and_a_name_of_its_own(
    record_property: Callable[[str, object], None],
) -> None:
    # A dataclass with slots replaces its class, and Python still knows the one that was replaced.
    found = {kind.__name__: kind.KIND for kind in kinds()}

    assert set(found) == {kind.__name__ for kind in VIEWS}
    assert sorted(found.values()) == sorted(KINDS)
    record_property("counted", f"{len(found)} kinds of notification, each with a view")


@pytest.mark.parametrize("name", KINDS)
def test_the_facts_of_a_kind_come_back_from_the_database_as_they_were(name: str) -> None:
    stored = filled(KINDS[name])

    read = KINDS[name].load(json.loads(json.dumps(stored.dump())))

    assert read == stored


@pytest.mark.parametrize("name", KINDS)
def test_no_fact_is_a_secret_or_a_link(name: str) -> None:
    dumped = json.dumps(filled(KINDS[name]).dump()).replace(PICTURE, "")  # public, and nobody follows it

    assert set(every_field(KINDS[name])) & SECRETS == set()
    assert not LINK.search(dumped)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not issubclass(kind, Living)])
def test_slack_takes_the_message_of_every_event(name: str) -> None:
    platforms = settings().platforms()

    message = VIEWS[KINDS[name]](filled(KINDS[name]), lambda key: platforms[key].platform)

    assert message.text
    assert message_faults(message.body["blocks"]) == []


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not issubclass(kind, Living)])
def test_a_message_with_a_button_is_known_to_ask_for_something(name: str) -> None:
    platforms = settings().platforms()

    message = VIEWS[KINDS[name]](filled(KINDS[name]), lambda key: platforms[key].platform)

    assert ('"action_id"' in json.dumps(message.body["blocks"])) == (name in ASKING)
