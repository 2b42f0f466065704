"""The samples that Slack is asked about stand for everything the product says, and the sandbox's Slack takes them."""

from __future__ import annotations

import inspect
import json
import operator
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
