"""Block Kit's limits, one by one: what stands at the limit passes, one more is refused with its path."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.blocks import message_faults, option_faults, view_faults


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(**fields: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn("hi")} | fields


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Go"), "action_id": "go"} | fields


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def option(text: str = "A", value: str = "a") -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def select(**fields: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "pick"} | fields


def inputs(element: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("L"), "element": element} | fields


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("T"), "submit": plain("Save"), "blocks": list(blocks)} | fields


def table(height: int, **fields: Any) -> dict[str, Any]:
    cells = [[{"type": "raw_text", "text": "x"}]] * height
    return {"type": "data_table", "caption": "C", "rows": cells} | fields


def pie(segments: int) -> dict[str, Any]:
    chart = {"type": "pie", "segments": [{"label": str(n), "value": n} for n in range(segments)]}
    return {"type": "data_visualization", "title": "t", "chart": chart}


CONFIRM = {"title": plain("t"), "text": mrkdwn("x"), "confirm": plain("y"), "deny": plain("n")}
CARD = {"type": "card", "title": mrkdwn("t")}


@pytest.mark.parametrize(
    ("of_size", "limit", "path"),
    [
        pytest.param(lambda n: section(text=mrkdwn("x" * n)), 3000, "/blocks/0/text/text", id="section-text"),
        pytest.param(lambda n: section(fields=[mrkdwn("f")] * n), 10, "/blocks/0/fields", id="fields"),
        pytest.param(
            lambda n: section(fields=[mrkdwn("f" * n)]), 2000, "/blocks/0/fields/0/text", id="field"
        ),
        pytest.param(lambda n: section(block_id="b" * n), 255, "/blocks/0/block_id", id="block-id"),
        pytest.param(
            lambda n: {"type": "header", "text": plain("h" * n)}, 150, "/blocks/0/text/text", id="header"
        ),
        pytest.param(
            lambda n: {"type": "context", "elements": [mrkdwn("c")] * n},
            10,
            "/blocks/0/elements",
            id="context",
        ),
        pytest.param(
            lambda n: actions(*(button(action_id=str(i)) for i in range(n))),
            25,
            "/blocks/0/elements",
            id="actions",
        ),
        pytest.param(
            lambda n: actions(button(text=plain("b" * n))),
            75,
            "/blocks/0/elements/0/text/text",
            id="button-text",
        ),
        pytest.param(
            lambda n: actions(button(value="v" * n)), 2000, "/blocks/0/elements/0/value", id="button-value"
        ),
        pytest.param(
            lambda n: actions(button(url="https://" + "u" * (n - 8))),
            3000,
            "/blocks/0/elements/0/url",
            id="button-url",
        ),
        pytest.param(
            lambda n: actions(button(action_id="a" * n)),
            255,
            "/blocks/0/elements/0/action_id",
            id="action-id",
        ),
        pytest.param(
            lambda n: actions(button(confirm=CONFIRM | {"title": plain("c" * n)})),
            100,
            "/blocks/0/elements/0/confirm/title/text",
            id="confirm-title",
        ),
        pytest.param(
            lambda n: actions(button(confirm=CONFIRM | {"text": mrkdwn("c" * n)})),
            300,
            "/blocks/0/elements/0/confirm/text/text",
            id="confirm-text",
        ),
        pytest.param(
            lambda n: actions(button(confirm=CONFIRM | {"confirm": plain("c" * n)})),
            30,
            "/blocks/0/elements/0/confirm/confirm/text",
            id="confirm-yes",
        ),
        pytest.param(
            lambda n: actions(button(confirm=CONFIRM | {"deny": plain("c" * n)})),
            30,
            "/blocks/0/elements/0/confirm/deny/text",
            id="confirm-no",
        ),
        pytest.param(
            lambda n: actions(select(options=[option(value=str(i)) for i in range(n)])),
            100,
            "/blocks/0/elements/0/options",
            id="options",
        ),
        pytest.param(
            lambda n: actions(select(options=[option(text="t" * n)])),
            75,
            "/blocks/0/elements/0/options/0/text/text",
            id="option-text",
        ),
        pytest.param(
            lambda n: actions(select(options=[option(value="v" * n)])),
            150,
            "/blocks/0/elements/0/options/0/value",
            id="option-value",
        ),
        pytest.param(
            lambda n: actions(select(option_groups=[{"label": plain("g" * n), "options": [option()]}])),
            75,
            "/blocks/0/elements/0/option_groups/0/label/text",
            id="group-label",
        ),
        pytest.param(
            lambda n: actions(select(options=[option()], placeholder=plain("p" * n))),
            150,
            "/blocks/0/elements/0/placeholder/text",
            id="placeholder",
        ),
        pytest.param(
            lambda n: actions(
                {"type": "overflow", "action_id": "o", "options": [option(value=str(i)) for i in range(n)]}
            ),
            5,
            "/blocks/0/elements/0/options",
            id="overflow",
        ),
        pytest.param(
            lambda n: {"type": "image", "image_url": "https://x.test/i.png", "alt_text": "a" * n},
            2000,
            "/blocks/0/alt_text",
            id="alt-text",
        ),
        pytest.param(
            lambda n: CARD | {"title": mrkdwn("t" * n)}, 150, "/blocks/0/title/text", id="card-title"
        ),
        pytest.param(
            lambda n: CARD | {"subtitle": mrkdwn("t" * n)}, 150, "/blocks/0/subtitle/text", id="card-subtitle"
        ),
        pytest.param(lambda n: CARD | {"body": mrkdwn("t" * n)}, 200, "/blocks/0/body/text", id="card-body"),
        pytest.param(
            lambda n: {"type": "carousel", "elements": [CARD] * n}, 10, "/blocks/0/elements", id="carousel"
        ),
        pytest.param(table, 101, "/blocks/0/rows", id="data-table-rows"),
        pytest.param(lambda n: table(2, page_size=n), 100, "/blocks/0/page_size", id="data-table-page"),
        pytest.param(pie, 6, "/blocks/0/chart/segments", id="pie-segments"),
        pytest.param(lambda n: pie(2) | {"title": "t" * n}, 50, "/blocks/0/title", id="chart-title"),
        pytest.param(
            lambda n: inputs({"type": "plain_text_input", "action_id": "a"}, label=plain("l" * n)),
            2000,
            "/blocks/0/label/text",
            id="input-label",
        ),
        pytest.param(
            lambda n: inputs({"type": "file_input", "action_id": "a", "max_files": n}),
            10,
            "/blocks/0/element/max_files",
            id="file-input",
        ),
    ],
)
def test_a_block_at_its_limit_passes_and_one_beyond_is_named(of_size: Any, limit: int, path: str) -> None:
    assert message_faults([of_size(limit)]) == []

    assert any(fault.endswith(f"[json-pointer:{path}]") for fault in message_faults([of_size(limit + 1)]))


def number(**fields: Any) -> dict[str, Any]:
    return inputs({"type": "number_input", "action_id": "a", "is_decimal_allowed": False, **fields})


def entry(kind: str, **fields: Any) -> dict[str, Any]:
    return inputs({"type": kind, "action_id": "a", **fields})


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def task(**fields: Any) -> dict[str, Any]:
    return {"task_id": "t", "title": "X", "status": "pending"} | fields


def container(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "container", "title": plain("T"), "child_blocks": list(blocks)} | fields


WORDS = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}


@pytest.mark.parametrize(
    "block",
    [
        entry("plain_text_input", dispatch_action_config={"trigger_actions_on": ["on_character_entered"]}),
        number(min_value="1", initial_value="5", max_value="10"),
        number(is_decimal_allowed=True, min_value="-0.5"),
        entry("timepicker", initial_time="23:59", timezone="America/New_York"),
        entry("datepicker", initial_date="2028-02-29"),
        entry("conversations_select", filter={"include": ["public", "private"]}),
        entry("multi_external_select", initial_options=[option()], max_selected_items=1),
        {"type": "image", "alt_text": "A", "slack_file": {"id": "F1"}},
        rich(WORDS, {"type": "rich_text_list", "style": "bullet", "elements": [WORDS]}),
        {"type": "plan", "title": "P", "tasks": [task(), task(task_id="u", output=rich(WORDS))]},
        container(section(), actions(button()), is_collapsible=True, default_collapsed=True),
        actions(button(visible_to_user_ids=["U0ADA", "W0IRIS"])),
        {"type": "task_card", **task(sources=[{"type": "url", "url": "https://a.b", "text": "A"}])},
    ],
    ids=lambda block: f"{block['type']}-{(block.get('element') or {}).get('type', '')}",
)
def test_what_a_composer_needs_is_accepted(block: dict[str, Any]) -> None:
    assert message_faults([block]) == []


@pytest.mark.parametrize(
    ("block", "path"),
    [
        pytest.param(
            entry("plain_text_input", dispatch_action_config={"trigger_actions_on": ["on_blur"]}),
            "element/dispatch_action_config/trigger_actions_on",
            id="dispatch",
        ),
        pytest.param(
            entry("plain_text_input", dispatch_action_config={"trigger_actions_on": []}),
            "element/dispatch_action_config/trigger_actions_on",
            id="dispatch-empty",
        ),
        pytest.param(
            entry("plain_text_input", min_length=9, max_length=8), "element/min_length", id="lengths"
        ),
        pytest.param(number(min_value=1), "element/min_value", id="number-as-number"),
        pytest.param(number(min_value="0.5"), "element/min_value", id="number-with-decimals"),
        pytest.param(number(min_value="5", max_value="4"), "element", id="number-order"),
        pytest.param(
            entry("number_input", is_decimal_allowed="no"), "element", id="number-needs-is-decimal-allowed"
        ),
        pytest.param(
            entry("datepicker", initial_date="2027-02-29"), "element/initial_date", id="no-such-day"
        ),
        pytest.param(entry("timepicker", initial_time="24:00"), "element/initial_time", id="no-such-time"),
        pytest.param(entry("timepicker", timezone="Mars/Base"), "element/timezone", id="no-such-zone"),
        pytest.param(
            entry("conversations_select", filter={"include": ["secret"]}),
            "element/filter/include",
            id="filter",
        ),
        pytest.param(entry("conversations_select", filter={}), "element/filter", id="filter-empty"),
        pytest.param(
            entry(
                "multi_external_select",
                initial_options=[option(), option(value="b")],
                max_selected_items=1,
            ),
            "element/initial_options",
            id="more-than-may-be-chosen",
        ),
        pytest.param(entry("file_input", filetypes="png"), "element/filetypes", id="filetypes"),
        pytest.param(
            {"type": "image", "alt_text": "A", "slack_file": {"id": "F1", "url": "https://a.b"}},
            "slack_file",
            id="picture-by-id-and-address",
        ),
        pytest.param(
            {"type": "image", "alt_text": "A", "slack_file": {"id": "F1"}, "image_url": "https://a.b"},
            "",
            id="two-pictures",
        ),
        pytest.param(rich({"type": "rich_text_list", "elements": [WORDS]}), "elements/0", id="list-style"),
        pytest.param(
            rich({"type": "rich_text_list", "style": "bullet", "elements": [{"type": "text", "text": "x"}]}),
            "elements/0/elements/0/type",
            id="list-of-words",
        ),
        pytest.param(
            rich({"type": "rich_text_section", "elements": [{"type": "link", "text": "x"}]}),
            "elements/0/elements/0",
            id="link-without-address",
        ),
        pytest.param(
            rich({"type": "rich_text_section", "elements": [{"type": "blink"}]}),
            "elements/0/elements/0/type",
            id="rich-element",
        ),
        pytest.param({"type": "plan", "title": "P", "tasks": [task(), task()]}, "tasks", id="tasks-alike"),
        pytest.param(container(), "child_blocks", id="empty-container"),
        pytest.param(container(*[section()] * 11), "child_blocks", id="container-of-11"),
        pytest.param(container(container(section())), "child_blocks/0/type", id="container-in-itself"),
        pytest.param(container(section(), title=plain("t" * 151)), "title/text", id="container-title"),
        pytest.param(container(section(text=mrkdwn(""))), "child_blocks/0/text/text", id="contained-text"),
        pytest.param(
            container(section(), default_collapsed=True), "default_collapsed", id="collapsed-for-ever"
        ),
        pytest.param(
            actions(button(visible_to_user_ids=[])), "elements/0/visible_to_user_ids", id="seen-by-nobody"
        ),
        pytest.param(
            actions(button(visible_to_user_ids=["ada"])),
            "elements/0/visible_to_user_ids/0",
            id="seen-by-a-name",
        ),
        pytest.param(
            {"type": "plan", "title": "P", "tasks": [task(status="done")]}, "tasks/0/status", id="task-status"
        ),
        pytest.param(
            {"type": "plan", "title": "P", "tasks": [task(task_id=str(n)) for n in range(51)]},
            "tasks",
            id="plan-of-51",
        ),
        pytest.param(
            {"type": "task_card", **task(output={"type": "section"})}, "output", id="output-is-no-rich-text"
        ),
    ],
)
def test_what_a_composer_gets_wrong_is_named_with_its_path(block: dict[str, Any], path: str) -> None:
    faults = message_faults([block])

    assert any(fault.endswith(f"[json-pointer:{f'/blocks/0/{path}'.rstrip('/')}]") for fault in faults), (
        faults
    )


def test_only_one_element_takes_the_focus() -> None:
    focused = [entry("plain_text_input", focus_on_load=True) for _ in range(2)]

    assert view_faults(modal(focused[0])) == []
    assert "only one element" in view_faults(modal(*focused))[0]


@pytest.mark.parametrize(
    ("of_size", "limit", "path"),
    [
        pytest.param(lambda n: modal(section(), title=plain("t" * n)), 24, "/view/title/text", id="title"),
        pytest.param(lambda n: modal(section(), submit=plain("t" * n)), 24, "/view/submit/text", id="submit"),
        pytest.param(lambda n: modal(section(), close=plain("t" * n)), 24, "/view/close/text", id="close"),
        pytest.param(
            lambda n: modal(section(), private_metadata="m" * n),
            3000,
            "/view/private_metadata",
            id="metadata",
        ),
        pytest.param(
            lambda n: modal(section(), callback_id="c" * n), 255, "/view/callback_id", id="callback-id"
        ),
        pytest.param(lambda n: modal(*[section()] * n), 100, "/view/blocks", id="modal-blocks"),
        pytest.param(
            lambda n: {"type": "home", "blocks": [section()] * n}, 100, "/view/blocks", id="home-blocks"
        ),
        pytest.param(
            lambda n: modal({"type": "alert", "text": mrkdwn("a" * n)}),
            200,
            "/view/blocks/0/text/text",
            id="alert",
        ),
    ],
)
def test_a_view_at_its_limit_passes_and_one_beyond_is_named(of_size: Any, limit: int, path: str) -> None:
    assert view_faults(of_size(limit)) == []

    assert any(fault.endswith(f"[json-pointer:{path}]") for fault in view_faults(of_size(limit + 1)))


def test_a_message_has_at_most_fifty_blocks() -> None:
    assert message_faults([section()] * 50) == []

    assert message_faults([section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        pytest.param({"type": "sector"}, "unsupported type: sector [json-pointer:/blocks/0/type]", id="typo"),
        pytest.param(
            {"type": "alert", "text": mrkdwn("a")}, "unsupported type: alert", id="alert-in-message"
        ),
        pytest.param({"type": "section"}, "must define either `fields` or `text`", id="empty-section"),
        pytest.param(section(text=plain("")), "must be more than 0 characters", id="empty-text"),
        pytest.param(section(text="hi"), "failed to match all allowed schemas", id="text-is-no-object"),
        pytest.param(section(colour="red"), "invalid additional property: colour", id="unknown-property"),
        pytest.param(section(text=mrkdwn("x") | {"emoji": True}), "property: emoji", id="emoji-on-mrkdwn"),
        pytest.param(
            {"type": "header", "text": mrkdwn("x")}, "failed to match", id="header-wants-plain-text"
        ),
        pytest.param(actions(button(style="huge")), "one of the allowed values", id="button-style"),
        pytest.param(actions(button(url="javascript:alert(1)")), "must be a valid URL", id="button-url"),
        pytest.param(actions(button(), button()), "`action_id` go already exists", id="action-id-twice"),
        pytest.param(
            actions({"type": "plain_text_input", "action_id": "x"}), "unsupported type", id="misplaced"
        ),
        pytest.param(actions(select()), "either `options` or `option_groups`", id="no-options"),
        pytest.param(
            actions(select(options=[option()], initial_option=option("B", "b"))),
            "must exactly match one of the options",
            id="initial-option",
        ),
        pytest.param(
            actions(select(options=[{"text": mrkdwn("x"), "value": "x"}])),
            "failed to match",
            id="mrkdwn-option",
        ),
        pytest.param(inputs({"type": "number_input", "action_id": "n"}), "is_decimal_allowed", id="number"),
        pytest.param(
            actions({"type": "datetimepicker", "action_id": "d", "initial_date_time": 5}),
            "must be an integer",
            id="datetime",
        ),
        pytest.param(
            actions({"type": "datepicker", "action_id": "d", "initial_date": "3.4.26"}),
            "documented format",
            id="date",
        ),
        pytest.param({"type": "image", "alt_text": "a"}, "missing required field: image_url", id="image"),
        pytest.param({"type": "image", "image_url": "https://x.test/"}, "alt_text", id="image-without-alt"),
        pytest.param(
            {"type": "card", "subtitle": mrkdwn("x")}, "at least one of hero_image", id="empty-card"
        ),
        pytest.param(
            {"type": "carousel", "elements": [section()]}, "must be a card", id="carousel-of-sections"
        ),
        pytest.param({"type": "data_table", "rows": []}, "missing required field: caption", id="caption"),
        pytest.param(table(1), "no fewer than 2 items allowed", id="table-header-only"),
        pytest.param(
            table(0, rows=[[{"type": "rich_text", "elements": []}], [{"type": "raw_text", "text": "x"}]]),
            "rich_text is not allowed in the header row",
            id="table-rich-header",
        ),
        pytest.param(
            table(0, rows=[[{"type": "raw_text", "text": "x"}] * n for n in (1, 2)]),
            "same number of cells",
            id="table-ragged",
        ),
        pytest.param(
            {
                "type": "data_visualization",
                "title": "t",
                "chart": {
                    "type": "line",
                    "axis_config": {"categories": ["Mon"]},
                    "series": [{"name": "s", "data": [{"label": "Tue", "value": 1}]}],
                },
            },
            "labels must match the categories",
            id="chart-labels",
        ),
    ],
)
def test_a_wrong_block_is_refused_with_a_reason(block: dict[str, Any], sentence: str) -> None:
    assert any(sentence in fault for fault in message_faults([block]))


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        pytest.param("nothing", "must be a valid view object", id="no-object"),
        pytest.param({"type": "popup"}, "unsupported type: popup", id="type"),
        pytest.param({"type": "modal", "blocks": []}, "missing required field: title", id="no-title"),
        pytest.param(
            {"type": "modal", "title": plain("t")}, "missing required field: blocks", id="no-blocks"
        ),
        pytest.param(
            {"type": "home", "blocks": [], "title": plain("t")}, "property: title", id="titled-home"
        ),
        pytest.param(modal(section(), hash="1.2"), "property: hash", id="hash-inside"),
        pytest.param(modal(section(block_id="b"), section(block_id="b")), "`block_id` b already", id="twice"),
        pytest.param(
            {
                "type": "modal",
                "title": plain("t"),
                "blocks": [inputs({"type": "plain_text_input", "action_id": "a"})],
            },
            "missing required field: submit",
            id="input-without-submit",
        ),
        pytest.param(
            modal({"type": "carousel", "elements": [CARD]}), "unsupported type", id="carousel-in-modal"
        ),
    ],
)
def test_a_wrong_view_is_refused_with_a_reason(view: Any, sentence: str) -> None:
    assert any(sentence in fault for fault in view_faults(view))


def test_every_element_an_app_uses_is_accepted_where_slack_allows_it() -> None:
    everything = modal(
        section(accessory={"type": "image", "image_url": "https://x.test/i.png", "alt_text": "a"}),
        section(accessory={"type": "multi_external_select", "action_id": "m", "min_query_length": 0}),
        {"type": "divider"},
        {"type": "alert", "text": mrkdwn("Careful"), "level": "warning"},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
        actions(button(style="primary"), select(options=[option()], initial_option=option())),
        inputs(
            {"type": "multi_static_select", "action_id": "a", "options": [option()], "max_selected_items": 1}
        ),
        inputs({"type": "external_select", "action_id": "a", "initial_option": option("Z", "z")}),
        inputs({"type": "users_select", "action_id": "a", "initial_user": "U1"}),
        inputs({"type": "conversations_select", "action_id": "a", "default_to_current_conversation": True}),
        inputs({"type": "channels_select", "action_id": "a", "response_url_enabled": True}),
        inputs({"type": "plain_text_input", "action_id": "a", "multiline": True, "max_length": 280}),
        inputs({"type": "checkboxes", "action_id": "a", "options": [{"text": mrkdwn("*x*"), "value": "x"}]}),
        inputs({"type": "radio_buttons", "action_id": "a", "options": [option()]}),
        inputs({"type": "datetimepicker", "action_id": "a", "initial_date_time": 1_795_000_000}),
        inputs({"type": "datepicker", "action_id": "a", "initial_date": "2026-11-23"}),
        inputs({"type": "timepicker", "action_id": "a", "initial_time": "09:30"}),
        inputs({"type": "file_input", "action_id": "a", "filetypes": ["png"], "max_files": 4}),
        inputs({"type": "url_text_input", "action_id": "a"}),
        inputs({"type": "email_text_input", "action_id": "a"}),
        inputs({"type": "number_input", "action_id": "a", "is_decimal_allowed": False}),
    )

    assert view_faults(everything) == []


def test_suggestions_are_options_or_groups_but_not_both() -> None:
    groups = [{"label": plain("G"), "options": [option()]}]

    assert option_faults({"options": []}) == []
    assert option_faults({"option_groups": groups}) == []
    assert option_faults({"options": [option()], "option_groups": groups})
    assert option_faults({"options": [option(value=str(n)) for n in range(101)]})
    assert option_faults([])
