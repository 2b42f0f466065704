"""Reads requests to the simulated Slack: arguments, credentials, uploads."""

from __future__ import annotations

import base64
import binascii
import json

from aiohttp import web

from sandbox.slack.state import Json, Refused

JSON_ARGUMENTS = frozenset({"blocks", "attachments", "view", "metadata", "files"})


async def arguments(request: web.Request) -> Json:
    """Return a call's arguments from its query, form or JSON body."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(body, dict):
            raise Refused("json_not_object")
        args |= body
    else:
        args |= {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
    for name in JSON_ARGUMENTS & set(args):
        if isinstance(args[name], str):
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                raise Refused("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
    return args


def bearer(request: web.Request) -> str:
    """Return the token of the Authorization header, or an empty string."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def basic(request: web.Request) -> tuple[str, str]:
    """Return the id and secret of HTTP Basic, or two empty strings."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(given).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


async def uploaded(request: web.Request) -> tuple[bytes, str]:
    """Return the content and type of an upload: a raw body or a multipart form with one file."""
    if not request.content_type.startswith("multipart/"):
        return await request.read(), request.content_type
    for field in (await request.post()).values():
        if isinstance(field, web.FileField):
            return field.file.read(), field.content_type
    raise web.HTTPBadRequest(text="no file")
