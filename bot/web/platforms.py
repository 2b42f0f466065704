"""What platforms tell us unasked: a person has removed our app, or wants everything deleted.

A signed word from the platform needs no second opinion. Meta: "Data Deletion Request Callback" and
"Manually Build a Login Flow", developers.facebook.com. TikTok: "Webhooks", developers.tiktok.com.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.logs import logger
from storage.attempts import Seen
from storage.models import new_secret

if TYPE_CHECKING:
    from bot.jobs.refresh import Refresher
    from bot.settings import PlatformSettings, Settings
    from bot.web.pages import Pages
    from storage.db import Database

log = logger(__name__)
REPLAY_WINDOW_S = 300
SIGNATURE = re.compile(r"t=(\d{1,12}),s=([0-9a-f]{64})")
CODE = re.compile(r"[A-Za-z0-9_-]{43}")


class PlatformCallbacks:
    """/meta/deauthorize, /meta/data-deletion, its status page, and /tiktok/webhook."""

    def __init__(
        self,
        *,
        settings: Settings,
        platforms: Mapping[str, PlatformSettings],
        refresher: Refresher,
        database: Database,
        pages: Pages,
    ) -> None:
        self._settings = settings
        self._secrets = {
            key: tuple(client.client_secret for client in found.clients.values())
            for key, found in platforms.items()
        }
        self._families = {
            family: [k for k, found in platforms.items() if found.platform.family == family]
            for family in {found.platform.family for found in platforms.values()}
        }
        self._refresher = refresher
        self._database = database
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """Return the four addresses."""
        return [
            web.post("/meta/deauthorize", self.deauthorize),
            web.post("/meta/data-deletion", self.delete_data),
            web.get("/meta/deletion/{code}", self.deletion_status),
            web.post("/tiktok/webhook", self.tiktok),
        ]

    async def deauthorize(self, request: web.Request) -> web.Response:
        """End every grant of a person who removed our app at Facebook."""
        if await self._meta_person_gone(request, "deauthorized") is None:
            return self._refused()
        return web.json_response({})

    async def delete_data(self, request: web.Request) -> web.Response:
        """Destroy the tokens of a person who asked Meta for it, and say where that can be read."""
        if await self._meta_person_gone(request, "deletion_requested") is None:
            return self._refused()
        code = new_secret()
        return web.json_response(
            {"url": f"{self._settings.public_url}/meta/deletion/{code}", "confirmation_code": code}
        )

    async def deletion_status(self, request: web.Request) -> web.Response:
        """Say what was deleted. The code proves nothing and is kept nowhere: the deletion came before it."""
        if CODE.fullmatch(request.match_info["code"]) is None:
            raise web.HTTPNotFound
        return self._pages.say(
            "Your data is deleted",
            "The sign-in that Facebook gave us for you, and every token that came of it, was deleted before"
            " you got this address.",
            "The Pages and accounts themselves belong to their organizations and stay there.",
        )

    async def tiktok(self, request: web.Request) -> web.Response:
        """Take TikTok's word that somebody removed our access; other events are none of our business yet."""
        raw = await request.read()
        event = self._tiktok_event(request.headers.get("TikTok-Signature", ""), raw)
        if event is None:
            return self._refused()
        person = event.get("user_openid")
        if event.get("event") == "authorization.removed" and isinstance(person, str) and person:
            async with self._database.system() as session:
                first = await Seen(session).first(f"tiktok:{hashlib.sha256(raw).hexdigest()}")
            if first:
                await self._refresher.over(["tiktok"], person, "authorization_removed")
        return web.json_response({})

    async def _meta_person_gone(self, request: web.Request, code: str) -> str | None:
        """End the person's grants; None when the request is not Meta's."""
        form = await request.post()
        person = self._meta_person(str(form.get("signed_request", "")))
        if person is None:
            return None
        await self._refresher.over(self._families["meta"], person, code, erase=True)
        return person

    def _meta_person(self, signed: str) -> str | None:
        """Return the app-scoped user id in a signed_request, if one of our app secrets signed it."""
        signature, dot, payload = signed.partition(".")
        given = _decoded(signature)
        if not dot or given is None or not payload.isascii():
            return None
        secrets = {s for key in self._families.get("meta", ()) for s in self._secrets[key]}
        if not any(hmac.compare_digest(_mac(secret, payload.encode()), given) for secret in secrets):
            return None
        facts = _object(_decoded(payload) or b"")
        person = facts.get("user_id")
        if str(facts.get("algorithm", "")).upper() != "HMAC-SHA256" or not isinstance(person, str | int):
            return None
        return str(person) or None

    def _tiktok_event(self, header: str, raw: bytes) -> Mapping[str, Any] | None:
        """Return the event, if TikTok signed it within the last five minutes."""
        found = SIGNATURE.fullmatch(header)
        if found is None or abs(time.time() - int(found[1])) > REPLAY_WINDOW_S:
            return None
        signed = found[1].encode() + b"." + raw
        given = bytes.fromhex(found[2])
        if not any(hmac.compare_digest(_mac(s, signed), given) for s in self._secrets.get("tiktok", ())):
            return None
        return _object(raw)

    def _refused(self) -> web.Response:
        log.warning("callback refused")
        return web.json_response({"error": "bad signature"}, status=403)


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _decoded(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
