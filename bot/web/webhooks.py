"""The addresses at which platforms report, unasked, that a person has withdrawn their consent.

Which there are, and how each is signed, the platforms' facts say. What a platform signed needs no second opinion.
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
    """A webhook, the platforms whose reports it takes, and the secrets of their apps."""

    webhook: Webhook
    platforms: list[str]
    secrets: frozenset[str]


class PlatformCallbacks:
    """Every webhook of the platforms, and the pages that say what became of a deletion request."""

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
        """Return an address for each webhook and each deletion page."""
        found = [web.post(each.webhook.path, self._taking(each)) for each in self._addresses]
        pages = [each.webhook.deletion for each in self._addresses]
        return found + [web.get(page.path, self._showing(page)) for page in pages if page is not None]

    def _taking(self, address: _Address) -> Handler:
        """Return the handler that does what a report at this address asks for."""
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
        """Return where a person can read that their data was deleted."""
        code = self._codes(page).issue(secrets.token_bytes(PAYLOAD_BYTES))
        return {"url": f"{self._public_url}{page.path.format(code=code)}", "confirmation_code": code}

    def _showing(self, page: DeletionPage) -> Handler:
        """Return the handler of a deletion page: only `_receipt` hands out its codes, after the deletion."""
        codes = self._codes(page)

        async def show(request: web.Request) -> web.Response:
            if codes.read(request.match_info["code"]) is None:
                return self._pages.message_page(
                    "We don't know this deletion request",
                    "No deletion request with this code is known here, so this page can't say what became of it.",
                    f"Check that the address is complete. If {page.site} gave it to you as it is, ask whoever runs"
                    " this installation of Octapost.",
                    status=404,
                )
            return self._pages.message_page(
                "Your deletion request was carried out",
                f"Every sign-in with {page.site} from before your request has ended, and its tokens were deleted"
                " before you got this address. If you have signed in again since then, that sign-in still works.",
                "The Pages and accounts themselves belong to their organizations and stay there.",
            )

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
