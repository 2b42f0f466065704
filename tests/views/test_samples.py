"""The samples that Slack is asked about stand for everything the product says, and the sandbox's Slack takes them."""

from __future__ import annotations

import inspect
import json
import operator
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot import views
from bot.views.samples import Sample, Surface, samples
from sandbox.slack.blocks import message_faults, view_faults
from tests.application import settings
from tests.golden.record import FOLDER

RECORDED = {"message": "message", "answer": "message", "view": "modal", "home": "home"}
"""The kinds of payloads that the golden run keeps -> the surface."""


def everything() -> list[Sample]:
    return list(samples(settings().platforms()))


def shapes(payload: Any, surface: str, block: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield what is in a payload as surface, block and element or text; without choices and confirmations."""
    for each in payload if isinstance(payload, list) else [payload]:
        if isinstance(each, dict):
            kind = each.get("type", "")
            if kind and kind not in {"modal", "home"}:
                yield surface, block or kind, kind
            inside = block or (kind if kind not in {"modal", "home"} else "")
            for name, value in each.items():
                if name not in {"options", "initial_option", "initial_options", "title", "submit", "close"}:
                    yield from shapes(value, surface, inside)


def test_every_shape_that_the_stories_say_is_in_a_sample() -> None:
    said = {
        shape
        for kind, surface in RECORDED.items()
        for payload in json.loads((FOLDER / f"{kind}.json").read_text()).values()
        for shape in shapes(payload.get("view", payload).get("blocks", []), surface)
    }

    tried = {
        shape
        for each in everything()
        for shape in shapes(each.payload["blocks"], each.payload.get("type", Surface.MESSAGE.value))
    }

    assert len(said) > 40
    assert said - tried == set()


def test_the_sandboxs_slack_takes_every_sample() -> None:
    faults = {
        each.name: view_faults(each.payload)
        if each.surface is Surface.VIEW
        else message_faults(each.payload["blocks"])
        for each in everything()
    }

    assert {name: found for name, found in faults.items() if found} == {}


def test_every_sample_is_named_after_its_view() -> None:
    names = [each.name for each in everything()]

    assert len(names) == len(set(names)) > 20
    for name in names:
        module, _, view = name.rpartition(".")
        assert inspect.isfunction(getattr(operator.attrgetter(module)(views), view))


@pytest.mark.parametrize("surface", Surface)
def test_there_are_samples_of_each_surface(surface: Surface) -> None:
    assert any(each.surface is surface for each in everything())


STATES = frozenset("🟢🟡🟠🔴⚪✅⚠❌⏸")
"""The signs of how an account or a delivery is. Each line of a list may have one."""
SIGN = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u23e9-\u23fa\u2b00-\u2bff]")


def lines(node: Any) -> Iterator[str]:
    """Yield the lines of text in a piece of Block Kit, without choices."""
    for each in node if isinstance(node, list) else [node]:
        if isinstance(each, dict):
            for name, value in each.items():
                if name == "text" and isinstance(value, str):
                    yield from value.split("\n")
                elif name not in {"options", "initial_option", "initial_options"}:
                    yield from lines(value)


def test_a_line_has_one_sign_at_most_and_a_message_one_besides_the_states() -> None:
    said = [each.payload for each in everything()]
    for kind in RECORDED:
        said += json.loads((FOLDER / f"{kind}.json").read_text()).values()

    signs = [
        [SIGN.findall(line) for line in lines(each.get("view", each).get("blocks", []))] for each in said
    ]

    assert len(signs) > 800
    assert max(len(found) for payload in signs for found in payload) == 1
    others = [[sign for found in payload for sign in found if sign not in STATES] for payload in signs]
    assert max(map(len, others)) == 1
    assert sum(not any(payload) for payload in signs) > len(signs) / 2
