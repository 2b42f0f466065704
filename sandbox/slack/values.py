"""The values of Block Kit elements: the objects in `state.values` and in `actions`.

Shapes: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.slack.payloads import filetype
from sandbox.slack.state import INNER_BLOCKS, Json, elements_of, flat_blocks

VALUE_KEY = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
}
"""Element type -> the key of its value. Buttons and overflows have none."""
LISTS = frozenset(
    {"selected_options", "selected_users", "selected_conversations", "selected_channels", "files"}
)
REQUIRED = "Please complete this required field."


def with_ids(blocks: Sequence[Json]) -> list[Json]:
    """Return the blocks with generated `block_id`s and `action_id`s where the app gave none, as Slack does."""
    done: list[Json] = []
    for block in blocks:
        named = {"block_id": secrets.token_urlsafe(4)} | dict(block)
        for key in ("accessory", "element"):
            if isinstance(named.get(key), dict) and named[key].get("type") != "image":
                named[key] = {"action_id": secrets.token_urlsafe(4)} | named[key]
        if inner := INNER_BLOCKS.get(named["type"]):
            named[inner] = with_ids(named[inner])
        elif named["type"] in {"actions", "card"}:
            key = "elements" if named["type"] == "actions" else "actions"
            if key in named:
                named[key] = [{"action_id": secrets.token_urlsafe(4)} | e for e in named[key]]
        done.append(named)
    return done


def initial_values(blocks: Sequence[Json], before: Json | None = None, channel_id: str = "") -> Json:
    """Return `state.values` of newly drawn blocks.

    Values that a person entered `before` stay only where block_id, action_id and type are the same:
    https://docs.slack.dev/surfaces/modals (updating modal views).
    """
    values: Json = {}
    for block in flat_blocks(blocks):
        for element in elements_of(block):
            if element.get("type") not in VALUE_KEY:
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            kept = ((before or {}).get(block_id) or {}).get(action_id)
            if kept is None or kept["type"] != element["type"]:
                kept = _initial(element, channel_id)
            values.setdefault(block_id, {})[action_id] = kept
    return values


def entered(
    element: Json, given: Any, options: Sequence[Json] = (), file_of: Callable[[str], Json] | None = None
) -> Json:
    """Return the value object for an input.

    `given` is a string, a list of them, a Unix time for a datetimepicker, or file ids; for selects the
    option's value (or the whole option). `options` are those that the app offered by `block_suggestion`.

    Raises:
        ValueError: The option does not exist.

    """
    kind = element["type"]
    key = VALUE_KEY[kind]
    if key in {"selected_option", "selected_options"}:
        known = [*_options(element), *options]
        if key == "selected_option":
            value: Any = None if given in (None, "") else _option(known, given)
        else:
            value = [_option(known, one) for one in _listed(given)]
    elif key == "files":
        value = [file_of(one) if file_of else {"id": one} for one in _listed(given)]
    elif key in LISTS:
        value = _listed(given)
    elif kind == "datetimepicker":
        value = None if given in (None, "") else int(given)
    else:
        value = None if given in (None, "") else str(given)
    return {"type": kind, key: value}


def entry_fault(element: Json, value: Json, *, optional: bool) -> str:
    """Return why Slack's client would not submit this input; empty if it would."""
    kind, found = element["type"], value[VALUE_KEY[element["type"]]]
    if found in (None, "", []):
        return "" if optional else REQUIRED
    if kind in ENTRY_RULES:
        return ENTRY_RULES[kind](element, found)
    most = element.get("max_selected_items")
    too_many = most and isinstance(found, list) and len(found) > most
    return f"Please select at most {most} items." if too_many else ""


def action_of(block: Json, element: Json, given: Any, value: Json | None, ts: str) -> Json:
    """Return the entry in `actions` for one press."""
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": ts,
    }
    if element["type"] == "button":
        action["text"] = element["text"]
        action |= {k: element[k] for k in ("value", "style", "url") if k in element}
    elif element["type"] == "overflow":
        action["selected_option"] = _option(element["options"], given)
    elif value is not None:
        action |= value
    for key in ("placeholder", "initial_option"):
        if key in element:
            action[key] = element[key]
    return action


def _initial(element: Json, channel_id: str) -> Json:
    kind = element["type"]
    key = VALUE_KEY[kind]
    name = {
        "value": "initial_value",
        "files": "",
    }.get(key, key.replace("selected", "initial"))
    found = element.get(name)
    if found is None and element.get("default_to_current_conversation") and channel_id:
        found = [channel_id] if key in LISTS else channel_id
    if found is None and key in LISTS:
        found = []
    return {"type": kind, key: found}


def _options(element: Json) -> list[Json]:
    grouped = [o for g in element.get("option_groups") or [] for o in g["options"]]
    chosen = [*(element.get("initial_options") or []), *filter(None, [element.get("initial_option")])]
    return [*(element.get("options") or []), *grouped, *chosen]


def _option(known: Sequence[Json], given: Any) -> Json:
    if isinstance(given, dict):
        return given
    found = next((o for o in known if o.get("value") == given), None)
    if found is None:
        raise ValueError(f"no such option among {[o.get('value') for o in known]}")
    return found


def _listed(given: Any) -> list[Any]:
    if given in (None, ""):
        return []
    return list(given) if isinstance(given, list | tuple | set | frozenset) else [given]


def _length_fault(element: Json, text: str) -> str:
    shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < shortest:
        return f"Please enter at least {shortest} characters."
    return f"Please enter at most {longest} characters." if len(text) > longest else ""


def _number_fault(element: Json, text: str) -> str:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, text):
        return "Please enter a valid number."
    number = float(text)
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return ""


def _file_fault(element: Json, files: Sequence[Json]) -> str:
    """Return why Slack's client refuses these files: a wrong type, or more than 10 MB.

    Source: https://docs.slack.dev/reference/block-kit/block-elements/file-input-element.
    """
    allowed = {filetype(f"x.{one}") for one in element.get("filetypes") or ()}
    if len(files) > element.get("max_files", 10):
        return f"Please upload at most {element.get('max_files', 10)} files."
    if any(int(f.get("size", 0)) > 10 * 1024 * 1024 for f in files):
        return "Please upload files of at most 10 MB."
    if allowed and any(f.get("filetype") not in allowed for f in files):
        return f"Please upload only these types: {', '.join(element['filetypes'])}."
    return ""


def _email_fault(element: Json, text: str) -> str:  # noqa: ARG001 - all rules look alike
    return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) else "Please enter a valid email address."


def _url_fault(element: Json, text: str) -> str:  # noqa: ARG001 - all rules look alike
    return "" if re.fullmatch(r"https?://\S+", text) else "Please enter a valid URL."


ENTRY_RULES: dict[str, Callable[[Json, Any], str]] = {
    "plain_text_input": _length_fault,
    "email_text_input": _email_fault,
    "url_text_input": _url_fault,
    "number_input": _number_fault,
    "file_input": _file_fault,
}
