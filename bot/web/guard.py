"""What every browser request goes through: the count, the headers, and a page for every failure."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.ops.logs import logger
from bot.ops.metrics import WEB
from bot.services.errors import ServiceError
from bot.views.errors import sentence
from bot.web.browsers import DamagedAddressError
from bot.web.request_limits import SLACK_EVENTS, PeerLeftError

if TYPE_CHECKING:
    from bot.web.limits import PageLimits
    from bot.web.pages import Pages

log = logger(__name__)


class Guard:
    """Counts requests, adds the headers, and answers every failure with a page."""

    def __init__(self, pages: Pages, limits: PageLimits) -> None:
        self._pages = pages
        self._limits = limits

    @property
    def middleware(self) -> Middleware:
        """The aiohttp middleware. What Slack posts to `/slack/events` passes untouched."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path == SLACK_EVENTS and request.method == "POST":
                return await handler(request)
            wait_s = self._limits.wait_s(request)
            if wait_s:
                response: web.StreamResponse = self._pages.too_many(wait_s)
            else:
                response = await self._answer(request, handler)
                self._limits.answered(request, response.status)
            response.headers.update({**self._pages.headers, **response.headers})
            resource = request.match_info.route.resource
            WEB.labels(resource.canonical if resource else "none", response.status).inc()
            return response

        return guard

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return self._pages.message_page(
                "There is nothing here",
                "This address leads nowhere.",
                "Go back to Slack and type `/octapost help`.",
                status=404,
            )
        except web.HTTPMethodNotAllowed as error:
            page = self._pages.message_page(
                "That didn't work", "This address can't be used that way.", status=405
            )
            page.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return page
        except web.HTTPRequestEntityTooLarge as error:
            return self._pages.message_page(
                "That didn't work", "The request was larger than anything we accept.", status=error.status
            )
        except web.HTTPException as error:
            return self._pages.message_page(
                "That didn't work", "The request made no sense.", status=error.status
            )
        except PeerLeftError:
            raise
        except DamagedAddressError:
            return self._pages.message_page(
                "That didn't work",
                "The address that brought you here is damaged, so nothing was done with it.",
                status=400,
            )
        except ServiceError as error:
            return self._pages.message_page("That didn't work", sentence(error), status=400)
        except Exception as error:
            number = secrets.token_hex(4)
            log.exception("page.failed", incident=number, type=type(error).__name__)
            return self._pages.message_page(
                "Something broke on our side",
                "Nothing was connected or changed that you can't see in Slack.",
                f"Try again in a minute. If it stays, tell whoever runs Octapost the number {number}.",
                status=500,
            )
