"""The envelope of TikTok's answers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web


def log_id() -> str:
    """Return an id as TikTok logs one for each request."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(9).upper()


def answer(data: Mapping[str, Any]) -> web.Response:
    """Return an answer that says "ok"."""
    return web.json_response({"data": data, "error": {"code": "ok", "message": "", "log_id": log_id()}})


def refuse(status: int, code: str, message: str) -> web.Response:
    """Return a refusal."""
    error = {"code": code, "message": message, "log_id": log_id()}
    return web.json_response({"data": {}, "error": error}, status=status)
