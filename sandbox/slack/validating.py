"""`blocks.validate`: what Slack would refuse in blocks, a message or a view. It needs no token.

https://docs.slack.dev/reference/methods/blocks.validate (read 2026-11-30). That a message is `{blocks,
attachments}`, and `text` refused in it, is from Slack's own client: github.com/slackapi/node-slack-sdk/pull/2659.
"Special rate limits apply", of which no number is given: here there is none.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack.blocks import message_faults, view_faults
from sandbox.slack.requests import arguments
from sandbox.slack.state import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

EXACTLY_ONE = "must provide exactly one of `blocks`, `view`, or `message`"
FAULT = re.compile(r"(?P<message>.*) \[json-pointer:(?P<pointer>[^\]]*)\]", re.DOTALL)
FOLLOWS = "failed to match all allowed schemas"
"""Says of a whole object what another fault says of its part."""
MESSAGE_FIELDS = frozenset({"blocks", "attachments"})


async def validate(request: web.Request) -> web.Response:
    """Answer one call: `ok`, or an error for the kind of payload with a list of `errors`."""
    try:
        given = await arguments(request)
        found = {name: _parsed(given[name]) for name in CHECKS if name in given}
    except Refused as refused:
        return web.json_response({"ok": False, "error": refused.error})
    if len(found) != 1:
        refusal = {
            "ok": False,
            "error": "invalid_arguments",
            "response_metadata": {"messages": [EXACTLY_ONE]},
        }
        return web.json_response(refusal)
    [(name, payload)] = found.items()
    faults = CHECKS[name](payload)
    if not faults:
        return web.json_response({"ok": True})
    causes = [fault for fault in faults if not fault.startswith(FOLLOWS)]
    errors = [_error(fault) for fault in causes or faults]
    return web.json_response({"ok": False, "error": f"invalid_{name}", "errors": errors})


def _parsed(payload: Any) -> Any:
    try:
        return json.loads(payload) if isinstance(payload, str) else payload
    except ValueError:
        raise Refused("invalid_arguments") from None


def _blocks(payload: Any) -> list[str]:
    """Return the faults of blocks by themselves; pointers begin at the array."""
    return [fault.replace("[json-pointer:/blocks", "[json-pointer:") for fault in message_faults(payload)]


def _message(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["must be a valid message object [json-pointer:/]"]
    faults = [
        f"unexpected property: {name} [json-pointer:/{name}]" for name in payload.keys() - MESSAGE_FIELDS
    ]
    faults += message_faults(payload["blocks"]) if "blocks" in payload else []
    for index, attachment in enumerate(payload.get("attachments") or []):
        if isinstance(attachment, dict) and "blocks" in attachment:
            faults += message_faults(attachment["blocks"], root=f"/attachments/{index}")
    return faults


CHECKS: dict[str, Callable[[Any], list[str]]] = {"blocks": _blocks, "message": _message, "view": view_faults}


def _error(fault: str) -> Json:
    """Return a fault as an entry of `errors`. The constraint is left out where its form is not documented."""
    found = FAULT.fullmatch(fault)
    message, pointer = (found["message"], found["pointer"]) if found else (fault, "")
    error: Json = {"code": "failed_constraint", "message": message, "pointer": pointer}
    if longest := re.fullmatch(r"must be less than (\d+) characters", message):
        error["constraint"] = {"type": "max_length", "expected": int(longest[1]) - 1}
    return error
