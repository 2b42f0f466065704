"""Checks Block Kit as Slack does: every limit and placement, each fault with its JSON path.

Sources: https://docs.slack.dev/reference/block-kit (blocks, elements, composition objects, and
https://docs.slack.dev/blocks.json for what goes on which surface), https://docs.slack.dev/reference/views,
and the limits in `slack_sdk.models`. The wording is that of Slack's answers, e.g. "must be less than 3001
characters [json-pointer:/blocks/1/text/text]".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

ANY = frozenset({"message", "modal", "home"})
SURFACES = {
    "actions": ANY,
    "alert": frozenset({"modal"}),
    "card": ANY,
    "carousel": frozenset({"message", "home"}),
    "container": ANY,
    "context": ANY,
    "data_table": frozenset({"message"}),
    "data_visualization": frozenset({"message"}),
    "divider": ANY,
    "header": ANY,
    "image": ANY,
    "input": ANY,
    "markdown": frozenset({"message"}),
    "plan": frozenset({"message"}),
    "rich_text": ANY,
    "section": ANY,
    "table": frozenset({"message"}),
    "task_card": frozenset({"message"}),
}
SINGLE_SELECTS = frozenset(
    {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
)
MULTI_SELECTS = frozenset(f"multi_{kind}" for kind in SINGLE_SELECTS)
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})
TEXT_INPUTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
PLACES = {
    "actions": SINGLE_SELECTS | PICKERS | CHOICES | {"button", "overflow"},
    "section": SINGLE_SELECTS
    | MULTI_SELECTS
    | CHOICES
    | {"button", "overflow", "datepicker", "timepicker", "image"},
    "input": SINGLE_SELECTS | MULTI_SELECTS | PICKERS | CHOICES | TEXT_INPUTS | {"file_input"},
    "card": frozenset({"button"}),
}
COMMON = frozenset({"type", "action_id", "confirm", "focus_on_load"})
SELECT = COMMON | {"placeholder"}
MULTI = SELECT | {"max_selected_items"}
PROPERTIES: dict[str, frozenset[str]] = {
    # blocks
    "actions": frozenset({"elements"}),
    "alert": frozenset({"text", "level"}),
    "card": frozenset({"hero_image", "icon", "slack_icon", "title", "subtitle", "body", "actions"}),
    "carousel": frozenset({"elements"}),
    "container": frozenset(
        {
            "title",
            "subtitle",
            "icon",
            "child_blocks",
            "width",
            "is_collapsible",
            "default_collapsed",
            "has_header_divider",
        }
    ),
    "context": frozenset({"elements"}),
    "data_table": frozenset({"rows", "caption", "page_size", "row_header_column_index"}),
    "data_visualization": frozenset({"title", "chart"}),
    "divider": frozenset(),
    "header": frozenset({"text"}),
    "image": frozenset({"image_url", "slack_file", "alt_text", "title"}),
    "input": frozenset({"label", "element", "dispatch_action", "hint", "optional"}),
    "markdown": frozenset({"text"}),
    "plan": frozenset({"title", "tasks"}),
    "rich_text": frozenset({"elements"}),
    "task_card": frozenset({"task_id", "title", "details", "output", "sources", "status"}),
    "section": frozenset({"text", "fields", "accessory", "expand"}),
    "table": frozenset({"rows", "column_settings"}),
    # elements
    "button": (COMMON - {"focus_on_load"})
    | {"text", "url", "value", "style", "accessibility_label", "visible_to_user_ids"},
    "overflow": (COMMON - {"focus_on_load"}) | {"options"},
    "static_select": SELECT | {"options", "option_groups", "initial_option"},
    "external_select": SELECT | {"initial_option", "min_query_length"},
    "users_select": SELECT | {"initial_user"},
    "conversations_select": SELECT
    | {"initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"},
    "channels_select": SELECT | {"initial_channel", "response_url_enabled"},
    "multi_static_select": MULTI | {"options", "option_groups", "initial_options"},
    "multi_external_select": MULTI | {"initial_options", "min_query_length"},
    "multi_users_select": MULTI | {"initial_users"},
    "multi_conversations_select": MULTI
    | {"initial_conversations", "default_to_current_conversation", "filter"},
    "multi_channels_select": MULTI | {"initial_channels"},
    "checkboxes": COMMON | {"options", "initial_options"},
    "radio_buttons": COMMON | {"options", "initial_option"},
    "datepicker": SELECT | {"initial_date"},
    "timepicker": SELECT | {"initial_time", "timezone"},
    "datetimepicker": COMMON | {"initial_date_time"},
    "plain_text_input": (SELECT - {"confirm"})
    | {"initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"},
    "email_text_input": (SELECT - {"confirm"}) | {"initial_value", "dispatch_action_config"},
    "url_text_input": (SELECT - {"confirm"}) | {"initial_value", "dispatch_action_config"},
    "number_input": (SELECT - {"confirm"})
    | {"initial_value", "is_decimal_allowed", "min_value", "max_value", "dispatch_action_config"},
    "file_input": frozenset({"type", "action_id", "filetypes", "max_files"}),
}
VIEW_PROPERTIES = frozenset(
    {
        "type",
        "title",
        "blocks",
        "submit",
        "close",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
        "submit_disabled",
    }
)
CONTAINED = frozenset({"actions", "context", "divider", "header", "image", "section", "table"})
"""The blocks that a container may hold."""
RICH_PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
RICH_ELEMENTS: dict[str, frozenset[str]] = {
    "broadcast": frozenset({"range"}),
    "channel": frozenset({"channel_id"}),
    "color": frozenset({"value"}),
    "date": frozenset({"timestamp", "format"}),
    "emoji": frozenset({"name"}),
    "link": frozenset({"url"}),
    "text": frozenset({"text"}),
    "user": frozenset({"user_id"}),
    "usergroup": frozenset({"usergroup_id"}),
}
"""The elements of rich text, with what each needs."""
TABLE_CHARACTERS = 10_000
DISPATCHES = frozenset({"on_enter_pressed", "on_character_entered"})
CONVERSATIONS = frozenset({"im", "mpim", "private", "public"})
CHARTS = frozenset({"pie", "bar", "area", "line"})


def message_faults(blocks: Any, *, root: str = "") -> list[str]:
    """Return what Slack would refuse in a message's `blocks`; empty if nothing."""
    check = _Check("message")
    check.blocks(blocks, f"{root}/blocks", 50)
    return check.faults


def view_faults(view: Any) -> list[str]:
    """Return what Slack would refuse in a modal or home view; empty if nothing."""
    if not isinstance(view, dict):
        return ["must be a valid view object [json-pointer:/view]"]
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        return [f"unsupported type: {kind} [json-pointer:/view/type]"]
    check = _Check(kind)
    check.view(view)
    return check.faults


def option_faults(answer: Any) -> list[str]:
    """Return what Slack would refuse in the answer to a `block_suggestion`."""
    check = _Check("modal")
    if not isinstance(answer, dict):
        return ["must be an object with options or option_groups [json-pointer:/]"]
    check.options(answer, "", at_least=0)
    return check.faults


class _Check:
    """Checks one payload and collects its faults."""

    def __init__(self, surface: str) -> None:
        self.surface = surface
        self.faults: list[str] = []
        self._block_ids: set[str] = set()
        self._action_ids: set[str] = set()
        self._table_characters = 0
        self._focused = 0

    def fault(self, sentence: str, path: str) -> None:
        self.faults.append(f"{sentence} [json-pointer:{path}]")

    # Views

    def view(self, view: Mapping[str, Any]) -> None:
        for extra in sorted(set(view) - VIEW_PROPERTIES):
            self.fault(f"invalid additional property: {extra}", "/view")
        if self.surface == "modal":
            self.text(view, "title", "/view", longest=24, plain=True)
            self.text(view, "submit", "/view", longest=24, plain=True, optional=True)
            self.text(view, "close", "/view", longest=24, plain=True, optional=True)
        else:
            for name in ("title", "submit", "close"):
                if name in view:
                    self.fault(f"invalid additional property: {name}", "/view")
        self.string(view, "private_metadata", "/view", longest=3000, shortest=0)
        self.string(view, "callback_id", "/view", longest=255)
        self.string(view, "external_id", "/view", longest=255)
        self.blocks(view.get("blocks"), "/view/blocks", 100)
        inputs = [b for b in view.get("blocks") or [] if isinstance(b, dict) and b.get("type") == "input"]
        if self.surface == "modal" and inputs and "submit" not in view:
            self.fault("missing required field: submit (a view with input blocks needs it)", "/view")

    # Blocks

    def blocks(self, blocks: Any, path: str, most: int) -> None:
        if not isinstance(blocks, list):
            self.fault("missing required field: blocks" if blocks is None else "must be an array", path)
            return
        if len(blocks) > most:
            self.fault(f"no more than {most} items allowed", path)
        for index, block in enumerate(blocks):
            self.block(block, f"{path}/{index}")

    def block(self, block: Any, path: str) -> None:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in SURFACES or self.surface not in SURFACES[kind]:
            self.fault(f"unsupported type: {kind}", f"{path}/type")
            return
        self.known(block, PROPERTIES[kind] | {"type", "block_id"}, path)
        self.string(block, "block_id", path, longest=255)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in self._block_ids:
                self.fault(f"`block_id` {block_id} already exists", f"{path}/block_id")
            self._block_ids.add(block_id)
        self._action_ids = set()
        checks: dict[str, Callable[[dict[str, Any], str], None]] = {
            "actions": self._actions,
            "alert": self._alert,
            "card": self._card,
            "carousel": self._carousel,
            "container": self._container,
            "context": self._context,
            "data_table": self._data_table,
            "data_visualization": self._chart,
            "header": lambda b, p: self.text(b, "text", p, longest=150, plain=True),
            "image": self._image,
            "input": self._input,
            "markdown": lambda b, p: self.string(b, "text", p, longest=12_000, required=True),
            "plan": self._plan,
            "rich_text": self._rich_text,
            "section": self._section,
            "table": self._table,
            "task_card": self._task,
        }
        if kind in checks:
            checks[kind](block, path)

    def _section(self, block: dict[str, Any], path: str) -> None:
        if "text" not in block and "fields" not in block:
            self.fault("must define either `fields` or `text`", path)
        self.text(block, "text", path, longest=3000, optional=True)
        fields = block.get("fields")
        if fields is not None and self.array(fields, f"{path}/fields", 1, 10):
            for index in range(len(fields)):
                self.text(fields, index, f"{path}/fields", longest=2000)
        if "accessory" in block:
            self.element(block["accessory"], f"{path}/accessory", "section")

    def _actions(self, block: dict[str, Any], path: str) -> None:
        elements = block.get("elements")
        if self.array(elements, f"{path}/elements", 1, 25):
            for index, element in enumerate(elements):  # type: ignore[arg-type]
                self.element(element, f"{path}/elements/{index}", "actions")

    def _context(self, block: dict[str, Any], path: str) -> None:
        elements = block.get("elements")
        if self.array(elements, f"{path}/elements", 1, 10):
            for index, element in enumerate(elements):  # type: ignore[arg-type]
                if isinstance(element, dict) and element.get("type") == "image":
                    self._image(element, f"{path}/elements/{index}")
                else:
                    self.text(elements, index, f"{path}/elements", longest=3000)

    def _input(self, block: dict[str, Any], path: str) -> None:
        self.text(block, "label", path, longest=2000, plain=True)
        self.text(block, "hint", path, longest=2000, plain=True, optional=True)
        if "element" not in block:
            self.fault("missing required field: element", path)
        else:
            self.element(block["element"], f"{path}/element", "input")

    def _image(self, image: Any, path: str) -> None:
        if not isinstance(image, dict):
            self.fault("must be a valid image object", path)
            return
        self.string(image, "alt_text", path, longest=2000, required=True)
        if "slack_file" in image:
            self._slack_file(image, path)
        else:
            self.string(image, "image_url", path, longest=3000, required=True)
            self.link(image, "image_url", path)
        if "title" in image:
            self.text(image, "title", path, longest=2000, plain=True)

    def _slack_file(self, image: dict[str, Any], path: str) -> None:
        """Either an address or a slack_file, and of that either the id or the address."""
        if "image_url" in image:
            self.fault("must define either `image_url` or `slack_file`", path)
        found = image["slack_file"]
        if not isinstance(found, dict) or len({"id", "url"} & set(found)) != 1:
            self.fault("must define either `id` or `url`", f"{path}/slack_file")
            return
        self.known(found, frozenset({"id", "url"}), f"{path}/slack_file")
        for name in found:
            self.string(found, name, f"{path}/slack_file", longest=3000)

    def _alert(self, block: dict[str, Any], path: str) -> None:
        self.text(block, "text", path, longest=200)
        self.one_of(block, "level", path, {"default", "info", "warning", "error", "success"})

    def _card(self, block: dict[str, Any], path: str) -> None:
        if not {"hero_image", "title", "actions", "body"} & set(block):
            self.fault("must define at least one of hero_image, title, actions, body", path)
        for name, longest in (("title", 150), ("subtitle", 150), ("body", 200)):
            self.text(block, name, path, longest=longest, optional=True)
        for name in ("hero_image", "icon"):
            if name in block:
                self._image(block[name], f"{path}/{name}")
        actions = block.get("actions")
        if actions is not None and self.array(actions, f"{path}/actions", 1, 3):
            for index, element in enumerate(actions):
                self.element(element, f"{path}/actions/{index}", "card")

    def _carousel(self, block: dict[str, Any], path: str) -> None:
        cards = block.get("elements")
        if self.array(cards, f"{path}/elements", 1, 10):
            for index, card in enumerate(cards):  # type: ignore[arg-type]
                if isinstance(card, dict) and card.get("type") == "card":
                    self.block(card, f"{path}/elements/{index}")
                else:
                    self.fault("must be a card", f"{path}/elements/{index}")

    def _container(self, block: dict[str, Any], path: str) -> None:
        """Check a title and up to ten blocks: https://docs.slack.dev/reference/block-kit/blocks/container-block.

        Slack's page (read 2026-11-30) and its validator name different blocks for the inside; accepted here are those
        that are in both.
        """
        self.text(block, "title", path, longest=150, plain=True)
        self.text(block, "subtitle", path, longest=150, optional=True)
        if "icon" in block:
            self._image(block["icon"], f"{path}/icon")
        if block.get("default_collapsed") and not block.get("is_collapsible"):
            self.fault("default_collapsed needs is_collapsible", f"{path}/default_collapsed")
        inside = block.get("child_blocks")
        if self.array(inside, f"{path}/child_blocks", 1, 10):
            for index, child in enumerate(inside):  # type: ignore[arg-type]
                at = f"{path}/child_blocks/{index}"
                kind = child.get("type") if isinstance(child, dict) else None
                if kind in CONTAINED:
                    self.block(child, at)
                else:
                    self.fault(f"unsupported type: {kind}", f"{at}/type")

    def _rich_text(self, block: dict[str, Any], path: str) -> None:
        elements = block.get("elements")
        if self.array(elements, f"{path}/elements", 1, 1000):
            for index, element in enumerate(elements):  # type: ignore[arg-type]
                self._rich_part(element, f"{path}/elements/{index}")

    def _rich_part(self, element: Any, path: str) -> None:
        """Check a section, list, quote or preformatted part; a list has sections, the others have words."""
        kind = element.get("type") if isinstance(element, dict) else None
        if kind not in RICH_PARTS:
            self.fault(f"unsupported type: {kind}", f"{path}/type")
            return
        if kind == "rich_text_list":
            self.one_of(element, "style", path, {"bullet", "ordered"})
            if "style" not in element:
                self.fault("missing required field: style", path)
        if not isinstance(element.get("elements"), list):
            self.fault("missing required field: elements", path)
            return
        for index, one in enumerate(element["elements"]):
            at = f"{path}/elements/{index}"
            inner = one.get("type") if isinstance(one, dict) else None
            if kind == "rich_text_list":
                if inner != "rich_text_section":
                    self.fault(f"unsupported type: {inner}", f"{at}/type")
                else:
                    self._rich_part(one, at)
            elif inner not in RICH_ELEMENTS:
                self.fault(f"unsupported type: {inner}", f"{at}/type")
            else:
                for name in RICH_ELEMENTS[inner] - set(one):
                    self.fault(f"missing required field: {name}", at)
                self.string(one, "text", at)

    def _plan(self, block: dict[str, Any], path: str) -> None:
        self.string(block, "title", path, required=True)
        tasks = block.get("tasks", [])
        if self.array(tasks, f"{path}/tasks", 0, 50):
            ids = [task.get("task_id") for task in tasks if isinstance(task, dict)]
            if len(set(ids)) < len(ids):
                self.fault("task_id must be unique in a plan", f"{path}/tasks")
            for index, task in enumerate(tasks):
                self._task(task, f"{path}/tasks/{index}")

    def _task(self, task: Any, path: str) -> None:
        if not isinstance(task, dict):
            self.fault("must be a valid task_card", path)
            return
        self.known(task, PROPERTIES["task_card"] | {"type", "block_id"}, path)
        self.string(task, "task_id", path, required=True)
        self.string(task, "title", path, required=True)
        self.one_of(task, "status", path, {"pending", "in_progress", "complete", "error"})
        for name in ("details", "output"):
            if name not in task:
                continue
            if not isinstance(task[name], dict) or task[name].get("type") != "rich_text":
                self.fault("must be a rich_text block", f"{path}/{name}")
            else:
                self._rich_text(task[name], f"{path}/{name}")
        for index, source in enumerate(task.get("sources") or []):
            self.string(source, "url", f"{path}/sources/{index}", required=True)
            self.string(source, "text", f"{path}/sources/{index}", required=True)

    def _table(self, block: dict[str, Any], path: str) -> None:
        self._rows(block, path, fewest=1, most=100, kinds={"raw_text", "raw_number", "rich_text"})

    def _data_table(self, block: dict[str, Any], path: str) -> None:
        self.string(block, "caption", path, longest=2000, required=True)
        self.number(block, "page_size", path, 1, 100)
        self.number(block, "row_header_column_index", path, 0, 19)
        self._rows(block, path, fewest=2, most=101, kinds={"raw_text", "raw_number", "rich_text"})
        rows = block.get("rows")
        for index, cell in enumerate(rows[0] if isinstance(rows, list) and rows else []):
            if isinstance(cell, dict) and cell.get("type") == "rich_text":
                self.fault("rich_text is not allowed in the header row", f"{path}/rows/0/{index}")

    def _rows(self, block: dict[str, Any], path: str, *, fewest: int, most: int, kinds: set[str]) -> None:
        rows = block.get("rows")
        if not self.array(rows, f"{path}/rows", fewest, most) or rows is None:
            return
        widths = set()
        for at, row in enumerate(rows):
            if not self.array(row, f"{path}/rows/{at}", 1, 20):
                continue
            widths.add(len(row))
            for index, cell in enumerate(row):
                kind = cell.get("type") if isinstance(cell, dict) else None
                if kind not in kinds:
                    self.fault(f"unsupported type: {kind}", f"{path}/rows/{at}/{index}/type")
                elif kind != "rich_text":
                    self.string(cell, "text", f"{path}/rows/{at}/{index}", required=kind == "raw_text")
                    self._table_characters += len(str(cell.get("text", "")))
        if len(widths) > 1:
            self.fault("all rows must have the same number of cells", f"{path}/rows")
        if self._table_characters > TABLE_CHARACTERS:
            self.fault(f"no more than {TABLE_CHARACTERS} characters in all tables of a message", path)

    def _chart(self, block: dict[str, Any], path: str) -> None:
        self.string(block, "title", path, longest=50, required=True)
        chart = block.get("chart")
        if not isinstance(chart, dict) or chart.get("type") not in CHARTS:
            self.fault("failed to match all allowed schemas", f"{path}/chart")
        elif chart["type"] == "pie":
            if self.array(chart.get("segments"), f"{path}/chart/segments", 1, 6):
                for index, segment in enumerate(chart["segments"]):
                    self._point(segment, f"{path}/chart/segments/{index}")
        elif self.array(chart.get("series"), f"{path}/chart/series", 1, 6):
            axis = chart.get("axis_config")
            categories = axis.get("categories") if isinstance(axis, dict) else None
            if self.array(categories, f"{path}/chart/axis_config/categories", 1, 20):
                for index, series in enumerate(chart["series"]):
                    self._series(series, categories or [], f"{path}/chart/series/{index}")

    def _series(self, series: Any, categories: Sequence[str], path: str) -> None:
        if not isinstance(series, dict):
            self.fault("must be a valid data series", path)
            return
        self.string(series, "name", path, longest=20, required=True)
        if self.array(series.get("data"), f"{path}/data", 1, 20):
            for index, point in enumerate(series["data"]):
                self._point(point, f"{path}/data/{index}")
            labels = [p.get("label") for p in series["data"] if isinstance(p, dict)]
            if labels != list(categories):
                self.fault("labels must match the categories of axis_config", f"{path}/data")

    def _point(self, point: Any, path: str) -> None:
        if not isinstance(point, dict) or not isinstance(point.get("value"), int | float):
            self.fault("failed to match all allowed schemas", path)
        else:
            self.string(point, "label", path, longest=20, required=True)

    # Elements

    def element(self, element: Any, path: str, place: str) -> None:
        kind = element.get("type") if isinstance(element, dict) else None
        if kind not in PLACES[place]:
            self.fault(f"unsupported type: {kind}", f"{path}/type")
            return
        if kind == "image":
            self._image(element, path)
            return
        self.known(element, PROPERTIES[kind] | {"type"}, path)
        self.string(element, "action_id", path, longest=255)
        action_id = element.get("action_id")
        if isinstance(action_id, str):
            if action_id in self._action_ids:
                self.fault(f"`action_id` {action_id} already exists", f"{path}/action_id")
            self._action_ids.add(action_id)
        if element.get("focus_on_load"):
            self._focused += 1
            if self._focused > 1:
                self.fault("only one element can have focus_on_load", f"{path}/focus_on_load")
        if "dispatch_action_config" in element:
            self._dispatch(element["dispatch_action_config"], f"{path}/dispatch_action_config")
        if "confirm" in element:
            self._confirm(element["confirm"], f"{path}/confirm")
        self.text(element, "placeholder", path, longest=150, plain=True, optional=True)
        self._specifics(element, kind, path)
        self._initials(element, path)

    def _specifics(self, element: dict[str, Any], kind: str, path: str) -> None:
        match kind:
            case "static_select" | "multi_static_select":
                self.options(element, path)
            case "button":
                self._button(element, path)
            case "overflow":
                self._flat_options(element, path, 1, 5)
            case "checkboxes" | "radio_buttons":
                self._flat_options(element, path, 1, 10, plain=False)
            case _:
                self._entry(element, kind, path)
        if kind in MULTI_SELECTS:
            self.number(element, "max_selected_items", path, 1, 10_000)

    def _button(self, element: dict[str, Any], path: str) -> None:
        self.text(element, "text", path, longest=75, plain=True)
        self.string(element, "value", path, longest=2000, shortest=0)
        self.string(element, "url", path, longest=3000)
        self.link(element, "url", path)
        self.string(element, "accessibility_label", path, longest=75)
        self.one_of(element, "style", path, {"primary", "danger"})
        seen_by = element.get("visible_to_user_ids", ["U0"])
        if self.array(seen_by, f"{path}/visible_to_user_ids", 1, 1000):
            for index, user_id in enumerate(seen_by):
                if not re.fullmatch(r"[UW][A-Z0-9]+", str(user_id)):
                    self.fault("must be a user id", f"{path}/visible_to_user_ids/{index}")

    def _dispatch(self, config: Any, path: str) -> None:
        if not isinstance(config, dict):
            self.fault("must be a valid dispatch_action_config object", path)
            return
        self.known(config, frozenset({"trigger_actions_on"}), path)
        on = config.get("trigger_actions_on")
        if self.array(on, f"{path}/trigger_actions_on", 1, 2) and not set(on or ()) <= DISPATCHES:
            self.fault("must be one of the allowed values", f"{path}/trigger_actions_on")

    def _entry(self, element: dict[str, Any], kind: str, path: str) -> None:
        match kind:
            case "plain_text_input":
                self._text_input(element, path)
            case "number_input":
                self._number_input(element, path)
            case "file_input":
                self.number(element, "max_files", path, 1, 10)
                types = element.get("filetypes", [])
                if not isinstance(types, list) or not all(isinstance(one, str) and one for one in types):
                    self.fault("must be an array of file types", f"{path}/filetypes")
            case "datetimepicker":
                # ten digits: https://docs.slack.dev/reference/block-kit/block-elements/datetime-picker-element
                self.number(element, "initial_date_time", path, 1_000_000_000, 9_999_999_999)
            case "datepicker":
                self.parsed(element, "initial_date", path, r"\d{4}-\d{2}-\d{2}", date.fromisoformat)
            case "timepicker":
                self.parsed(element, "initial_time", path, r"\d{2}:\d{2}", time.fromisoformat)
                self.parsed(element, "timezone", path, r"[\w+/-]+", ZoneInfo)
            case "conversations_select" | "multi_conversations_select":
                if "filter" in element:
                    self._filter(element["filter"], f"{path}/filter")

    def _text_input(self, element: dict[str, Any], path: str) -> None:
        self.number(element, "min_length", path, 0, 3000)
        self.number(element, "max_length", path, 1, 3000)
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
        if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
            self.fault("min_length must not be greater than max_length", f"{path}/min_length")
        self.string(
            element,
            "initial_value",
            path,
            longest=longest if isinstance(longest, int) else 3000,
            shortest=0,
        )

    def _number_input(self, element: dict[str, Any], path: str) -> None:
        """Numbers are sent as text: https://docs.slack.dev/reference/block-kit/block-elements/number-input-element."""
        if not isinstance(element.get("is_decimal_allowed"), bool):
            self.fault("missing required field: is_decimal_allowed", path)
        numbers = {}
        pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
        for name in ("min_value", "initial_value", "max_value"):
            self.string(element, name, path)
            self.matches(element, name, path, pattern)
            if re.fullmatch(pattern, str(element.get(name, ""))):
                numbers[name] = float(element[name])
        if list(numbers.values()) != sorted(numbers.values()):
            self.fault("min_value, initial_value and max_value must be in order", path)

    def _filter(self, given: Any, path: str) -> None:
        names = frozenset({"include", "exclude_external_shared_channels", "exclude_bot_users"})
        if not isinstance(given, dict) or not given:
            self.fault("must be a valid filter object", path)
            return
        self.known(given, names, path)
        include = given.get("include", ["im"])
        if self.array(include, f"{path}/include", 1, 4) and not set(include) <= CONVERSATIONS:
            self.fault("must be one of the allowed values", f"{path}/include")

    def _initials(self, element: dict[str, Any], path: str) -> None:
        known = [*(element.get("options") or [])]
        groups = element.get("option_groups") or []
        known += [o for g in groups if isinstance(g, dict) for o in g.get("options") or []]
        chosen = list(element.get("initial_options") or [])
        if "initial_options" in element and not chosen:
            self.fault("no fewer than 1 items allowed", f"{path}/initial_options")
        if "initial_option" in element:
            chosen.append(element["initial_option"])
        most = element.get("max_selected_items")
        if isinstance(most, int) and len(chosen) > most:
            self.fault(f"no more than {most} items allowed", f"{path}/initial_options")
        for option in chosen:
            if "external" in str(element.get("type")):
                self.option(option, f"{path}/initial_option")
            elif option not in known:
                self.fault("initial option must exactly match one of the options", path)

    # Composition objects

    def options(self, holder: Mapping[str, Any], path: str, *, at_least: int = 1) -> None:
        """Check that there are either `options` or `option_groups`, at most 100 of each."""
        if ("options" in holder) == ("option_groups" in holder):
            self.fault("must define either `options` or `option_groups`", path)
        elif "options" in holder:
            self._flat_options(holder, path, at_least, 100)
        elif self.array(holder["option_groups"], f"{path}/option_groups", at_least, 100):
            for index, group in enumerate(holder["option_groups"]):
                at = f"{path}/option_groups/{index}"
                self.text(group, "label", at, longest=75, plain=True)
                self._flat_options(group, at, 1, 100)

    def _flat_options(
        self, holder: Mapping[str, Any], path: str, fewest: int, most: int, *, plain: bool = True
    ) -> None:
        options = holder.get("options")
        if self.array(options, f"{path}/options", fewest, most):
            for index, option in enumerate(options):  # type: ignore[arg-type]
                self.option(option, f"{path}/options/{index}", plain=plain)

    def option(self, option: Any, path: str, *, plain: bool = True) -> None:
        if not isinstance(option, dict):
            self.fault("must be a valid option", path)
            return
        self.known(option, frozenset({"text", "value", "description", "url"}), path)
        self.text(option, "text", path, longest=75, plain=plain)
        self.string(option, "value", path, longest=150, required=True)
        self.text(option, "description", path, longest=75, plain=plain, optional=True)

    def _confirm(self, confirm: Any, path: str) -> None:
        if not isinstance(confirm, dict):
            self.fault("must be a valid confirm object", path)
            return
        self.known(confirm, frozenset({"title", "text", "confirm", "deny", "style"}), path)
        self.text(confirm, "title", path, longest=100, plain=True)
        self.text(confirm, "text", path, longest=300)
        self.text(confirm, "confirm", path, longest=30, plain=True)
        self.text(confirm, "deny", path, longest=30, plain=True)
        self.one_of(confirm, "style", path, {"primary", "danger"})

    # Small parts

    def text(
        self,
        holder: Any,
        name: str | int,
        path: str,
        *,
        longest: int,
        plain: bool = False,
        optional: bool = False,
    ) -> None:
        """Check a text object; `plain` allows only `plain_text`."""
        if not isinstance(holder, list) and (not isinstance(holder, dict) or name not in holder):
            if not optional:
                self.fault(f"missing required field: {name}", path)
            return
        found, at = holder[name], f"{path}/{name}"  # type: ignore[index]
        kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
        before = len(self.faults)
        if not isinstance(found, dict) or found.get("type") not in kinds:
            self.fault("failed to match all allowed schemas", at)
            if isinstance(found, dict):
                self.fault(f"unsupported type: {found.get('type')}", f"{at}/type")
            return
        extras = {"emoji"} if found["type"] == "plain_text" else {"verbatim"}
        self.known(found, frozenset({"type", "text"} | extras), at)
        self.string(found, "text", at, longest=longest, required=True)
        if len(self.faults) > before:
            self.faults.insert(before, f"failed to match all allowed schemas [json-pointer:{at}]")

    def string(
        self,
        holder: Any,
        name: str,
        path: str,
        *,
        longest: int | None = None,
        shortest: int = 1,
        required: bool = False,
    ) -> None:
        if name not in holder:
            if required:
                self.fault(f"missing required field: {name}", path)
        elif not isinstance(holder[name], str):
            self.fault("must provide a string", f"{path}/{name}")
        elif longest is not None and len(holder[name]) > longest:
            self.fault(f"must be less than {longest + 1} characters", f"{path}/{name}")
        elif len(holder[name]) < shortest:
            self.fault(f"must be more than {shortest - 1} characters", f"{path}/{name}")

    def number(self, holder: Mapping[str, Any], name: str, path: str, lowest: int, highest: int) -> None:
        if name in holder:
            value = holder[name]
            if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
                self.fault(f"must be an integer from {lowest} to {highest}", f"{path}/{name}")

    def one_of(self, holder: Mapping[str, Any], name: str, path: str, allowed: set[str]) -> None:
        if name in holder and holder[name] not in allowed:
            self.fault("must be one of the allowed values", f"{path}/{name}")

    def matches(self, holder: Mapping[str, Any], name: str, path: str, pattern: str) -> None:
        if name in holder and not re.fullmatch(pattern, str(holder[name])):
            self.fault("must match the documented format", f"{path}/{name}")

    def parsed(
        self, holder: Mapping[str, Any], name: str, path: str, pattern: str, parse: Callable[[str], object]
    ) -> None:
        """Check a string of a form that `parse` accepts, such as a date that there is."""
        self.matches(holder, name, path, pattern)
        if re.fullmatch(pattern, str(holder.get(name, ""))):
            try:
                parse(holder[name])
            except (ValueError, LookupError, OSError):
                self.fault("must be one that exists", f"{path}/{name}")

    def link(self, holder: Mapping[str, Any], name: str, path: str) -> None:
        if isinstance(holder.get(name), str) and not re.match(r"(https?|slack|mailto):", holder[name]):
            self.fault("must be a valid URL", f"{path}/{name}")

    def array(self, found: Any, path: str, fewest: int, most: int) -> bool:
        if not isinstance(found, list):
            self.fault("must be an array", path)
            return False
        if len(found) < fewest:
            self.fault(f"no fewer than {fewest} items allowed", path)
        if len(found) > most:
            self.fault(f"no more than {most} items allowed", path)
        return True

    def known(self, found: Mapping[str, Any], names: frozenset[str], path: str) -> None:
        for extra in sorted(set(found) - names):
            self.fault(f"invalid additional property: {extra}", path)
