"""What platforms tell us unasked: a person has removed our app, or wants everything deleted.

A signed word from the platform needs no second opinion. Meta: "Data Deletion Request Callback" and
"Manually Build a Login Flow", developers.facebook.com. TikTok: "Webhooks", "Webhook Events" and "Check the
signature", developers.tiktok.com.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web

from adapters.numbers import moment_of
from bot.ops.logs import logger
from bot.services.accounts.deauthorizing import DeauthorizationEvent
from bot.web.request_limits import TIKTOK_SIGNATURE, body_of
from bot.web.signer import PAYLOAD_BYTES, Signer

if TYPE_CHECKING:
    from bot.services.accounts.deauthorizing import Deauthorizations
    from bot.settings import PlatformSettings, Settings
    from bot.web.pages import Pages

log = logger(__name__)
REPLAY_WINDOW_S = 300
RETRIED_FOR_S = 72 * 3600 + REPLAY_WINDOW_S
"""How long TikTok repeats what it got no 200 for; whether with the first signature, its pages don't say."""
REVOKED_BY_US = 5
"""TikTok's reason "Developer revoke authorization": our own answer to a disconnect, most of the time."""
SIGNATURE = re.compile(r"t=(\d{1,12}),s=([0-9a-f]{64})")
MOST_FIELDS = 10
"""In Meta's form, which has one."""


class PlatformCallbacks:
    """/meta/deauthorize, /meta/data-deletion, its status page, and /tiktok/webhook."""

    def __init__(
        self,
        *,
        settings: Settings,
        platforms: Mapping[str, PlatformSettings],
        deauthorizations: Deauthorizations,
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
        self._deauthorizations = deauthorizations
        self._pages = pages
        self._codes = Signer(settings.slack_signing_secret.get_secret_value(), "Meta's deletion requests")

    def routes(self) -> list[web.RouteDef]:
        """Return the four addresses."""
        return [
            web.post("/meta/deauthorize", self.deauthorize),
            web.post("/meta/data-deletion", self.delete_data),
            web.get("/meta/deletion/{code}", self.deletion_status),
            web.post("/tiktok/webhook", self.tiktok),
        ]

    async def deauthorize(self, request: web.Request) -> web.Response:
        """End every grant of a person who removed our app at Facebook, and forget their tokens."""
        if not await self._meta_person_left(request, "deauthorized"):
            return self._refused()
        return web.json_response({})

    async def delete_data(self, request: web.Request) -> web.Response:
        """Destroy the tokens of a person who asked Meta for it, and say where that can be read."""
        if not await self._meta_person_left(request, "deletion_requested"):
            return self._refused()
        code = self._codes.issue(secrets.token_bytes(PAYLOAD_BYTES))
        return web.json_response(
            {"url": f"{self._settings.public_url}/meta/deletion/{code}", "confirmation_code": code}
        )

    async def deletion_status(self, request: web.Request) -> web.Response:
        """Say that a deletion was carried out, for a code that only `delete_data` hands out, afterwards."""
        if self._codes.read(request.match_info["code"]) is None:
            return self._pages.message_page(
                "We don't know this deletion request",
                "No deletion request with this code is known here, so this page can't say what became of it.",
                "Check that the address is complete. If Facebook gave it to you as it is, ask whoever runs this"
                " installation of Octapost.",
                status=404,
            )
        return self._pages.message_page(
            "Your deletion request was carried out",
            "Every sign-in with Facebook from before your request has ended, and its tokens were deleted before"
            " you got this address. If you have signed in again since then, that sign-in still works.",
            "The Pages and accounts themselves belong to their organizations and stay there.",
        )

    async def tiktok(self, request: web.Request) -> web.Response:
        """Take TikTok's word that somebody removed our access; other events are none of our business yet.

        A word that was signed long ago may be TikTok's repetition, or somebody else's: it ends nothing, but
        TikTok is asked whether it is so. The same goes for what we did ourselves.
        """
        raw = await body_of(request)
        age_s = self._tiktok_signed(request.headers.get(TIKTOK_SIGNATURE, ""), raw)
        if age_s is None:
            return self._refused()
        event = _object(raw)
        person, content = event.get("user_openid"), _object(str(event.get("content", "")))
        if event.get("event") == "authorization.removed" and isinstance(person, str) and person:
            await self._deauthorizations.settle(
                DeauthorizationEvent(
                    platforms=["tiktok"],
                    person=person,
                    said_at=_moment(event.get("create_time")),
                    code="authorization_removed",
                    once=f"tiktok:{hashlib.sha256(raw).hexdigest()}",
                    hint=age_s > REPLAY_WINDOW_S or content.get("reason") == REVOKED_BY_US,
                )
            )
        return web.json_response({})

    async def _meta_person_left(self, request: web.Request, code: str) -> bool:
        """End the person's grants and erase their tokens; False when the request is not Meta's."""
        facts = self._meta_facts(_signed_request(await body_of(request)))
        if facts is None:
            return False
        word = DeauthorizationEvent(
            platforms=self._families["meta"],
            person=str(facts["user_id"]),
            said_at=_moment(facts.get("issued_at")),
            code=code,
        )
        await self._deauthorizations.settle(word, erase=True)
        return True

    def _meta_facts(self, signed: str) -> Mapping[str, Any] | None:
        """Return what a signed_request says, if one of our app secrets signed it and it names a person."""
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
        return facts if str(person) else None

    def _tiktok_signed(self, header: str, raw: bytes) -> float | None:
        """Return how many seconds ago TikTok signed this, by our clock, or None where it did not or too long ago.

        A time to come counts like one that has passed: it is the clocks that differ.
        """
        found = SIGNATURE.fullmatch(header)
        if found is None or (age_s := abs(time.time() - int(found[1]))) > RETRIED_FOR_S:
            return None
        signed = found[1].encode() + b"." + raw
        given = bytes.fromhex(found[2])
        if not any(hmac.compare_digest(_mac(s, signed), given) for s in self._secrets.get("tiktok", ())):
            return None
        return age_s

    def _refused(self) -> web.Response:
        log.warning("callback refused")
        return web.json_response({"error": "bad signature"}, status=403)


def _signed_request(form: bytes) -> str:
    """Return the one field of Meta's form; nothing where it is missing, given twice, or no form at all."""
    try:
        found = parse_qs(form.decode(), max_num_fields=MOST_FIELDS).get("signed_request", [])
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _decoded(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None


def _moment(seconds: object) -> datetime | None:
    """Return when something signed was said at the latest, given the second in Unix time; None if it doesn't say."""
    said = moment_of(seconds)
    return None if said is None else said + timedelta(seconds=1)


def _object(raw: bytes | str) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
