"""What a pressed element is about, which decides whose organization a request acts for."""

from __future__ import annotations

import pytest

from bot.slack.dispatch.replies import ENTERED, target_of, value_of

FORM = {"private_metadata": "org_1/drf_1"}


@pytest.mark.parametrize("kind", sorted(ENTERED))
def test_what_a_person_enters_never_says_what_it_is_about(kind: str) -> None:
    body = {"actions": [{"type": kind, "value": "org_2/drf_2"}], "view": FORM}

    assert target_of(body, "org_2/drf_2") == "org_1/drf_1"


@pytest.mark.parametrize("kind", ["button", "overflow", "static_select"])
def test_what_we_drew_says_what_it_is_about(kind: str) -> None:
    body = {"actions": [{"type": kind, "value": "org_1/acc_1"}], "view": FORM}

    assert target_of(body, "org_1/acc_1") == "org_1/acc_1"


def test_what_is_entered_outside_a_form_is_about_nothing() -> None:
    assert target_of({"actions": [{"type": "plain_text_input"}]}, "org_2/") == ""


@pytest.mark.parametrize("body", [{}, {"actions": []}, {"actions": None}])
def test_a_payload_without_an_element_is_about_its_own_value(body: dict[str, object]) -> None:
    assert target_of(body, "org_1/") == "org_1/"


@pytest.mark.parametrize(
    ("pressed", "value"),
    [
        ({"value": "a"}, "a"),
        ({"selected_option": {"value": "b"}}, "b"),
        ({"selected_option": None}, ""),
        ({}, ""),
    ],
)
def test_the_value_of_an_element_of_any_kind(pressed: dict[str, object], value: str) -> None:
    assert value_of(pressed) == value
