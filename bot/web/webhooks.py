"""The addresses where platforms report that a person has withdrawn their consent.

The platforms' facts list them, and how each request is signed. A signed report needs no second opinion.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.base import BadSignature, SignedRequest
from bot.ops.logs import logger
from bot.services.accounts.deauthorizing import DeauthorizationEvent
from bot.views import plain_pages
from bot.web.request_limits import body_of
from bot.web.signer import PAYLOAD_BYTES, Signer

if TYPE_CHECKING:
    from adapters.base import DeletionPage, Webhook
    from bot.services.accounts.deauthorizing import Deauthorizations
    from bot.settings import PlatformSettings, Settings
    from bot.web.pages import Pages

log = logger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """A webhook, the platforms that send reports to it, and the secrets of their apps."""

    webhook: Webhook
    platforms: list[str]
    secrets: frozenset[str]


class PlatformCallbacks:
    """The platforms' webhooks, and the pages about deletion requests."""

    def __init__(
        self,
        *,
        settings: Settings,
        platforms: Mapping[str, PlatformSettings],
        deauthorizations: Deauthorizations,
        pages: Pages,
    ) -> None:
        self._public_url = settings.public_url
        self._signing_secret = settings.slack_signing_secret.get_secret_value()
        self._deauthorizations = deauthorizations
        self._pages = pages
        webhooks = {each.path: each for found in platforms.values() for each in found.platform.webhooks}
        self._addresses = [_address(webhook, platforms) for webhook in webhooks.values()]

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each webhook and each deletion page."""
        found = [web.post(each.webhook.path, self._taking(each)) for each in self._addresses]
        pages = [each.webhook.deletion for each in self._addresses]
        return found + [web.get(page.path, self._showing(page)) for page in pages if page is not None]

    def _taking(self, address: _Address) -> Handler:
        """Return the handler of the reports at this address."""
        webhook = address.webhook

        async def take(request: web.Request) -> web.Response:
            signed = SignedRequest(
                body=await body_of(request),
                signature=request.headers.get(webhook.signature_header, "")
                if webhook.signature_header
                else "",
                secrets=address.secrets,
            )
            try:
                report = webhook.read(signed)
            except BadSignature:
                log.warning("webhook.refused")
                return web.json_response({"error": "bad signature"}, status=403)
            if report is not None:
                event = DeauthorizationEvent(
                    platforms=address.platforms,
                    person=report.person,
                    said_at=report.said_at,
                    code=report.code,
                    once=report.once,
                    hint=report.hint,
                )
                await self._deauthorizations.settle(event, erase=report.erase)
            return web.json_response({} if webhook.deletion is None else self._receipt(webhook.deletion))

        return take

    def _receipt(self, page: DeletionPage) -> Mapping[str, str]:
        """Return the address where a person can read that their data was deleted, and its code."""
        code = self._codes(page).issue(secrets.token_bytes(PAYLOAD_BYTES))
        return {"url": f"{self._public_url}{page.path.format(code=code)}", "confirmation_code": code}

    def _showing(self, page: DeletionPage) -> Handler:
        """Return the handler of a deletion page. Only `_receipt` issues its codes, after the deletion."""
        codes = self._codes(page)

        async def show(request: web.Request) -> web.Response:
            if codes.read(request.match_info["code"]) is None:
                return self._pages.plain(plain_pages.unknown_deletion(page.site))
            return self._pages.plain(plain_pages.deleted(page.site))

        return show

    def _codes(self, page: DeletionPage) -> Signer:
        return Signer(self._signing_secret, page.purpose)


def _address(webhook: Webhook, platforms: Mapping[str, PlatformSettings]) -> _Address:
    sending = {key: found for key, found in platforms.items() if webhook in found.platform.webhooks}
    return _Address(
        webhook=webhook,
        platforms=list(sending),
        secrets=frozenset(
            client.client_secret for found in sending.values() for client in found.clients.values()
        ),
    )
