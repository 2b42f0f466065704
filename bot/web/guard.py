"""What every browser request passes: limits, headers, and a page for every error."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.ops.logs import logger
from bot.ops.metrics import WEB
from bot.services.errors import ServiceError
from bot.views import plain_pages as views
from bot.views.errors import on_page
from bot.web.browsers import DamagedAddressError
from bot.web.request_limits import SLACK_EVENTS, PeerLeftError

if TYPE_CHECKING:
    from bot.web.limits import PageLimits
    from bot.web.pages import Pages

log = logger(__name__)


class Guard:
    """Counts every browser request, adds the headers to its answer, and answers every error with a page."""

    def __init__(self, pages: Pages, limits: PageLimits) -> None:
        self._pages = pages
        self._limits = limits

    @property
    def middleware(self) -> Middleware:
        """The aiohttp middleware. It leaves Slack's posts to `/slack/events` alone."""

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
            return self._pages.plain(views.NOT_FOUND)
        except web.HTTPMethodNotAllowed as error:
            page = self._pages.plain(views.WRONG_METHOD)
            page.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return page
        except web.HTTPRequestEntityTooLarge as error:
            return self._pages.plain(views.too_large(error.status))
        except web.HTTPException as error:
            return self._pages.plain(views.nonsense(error.status))
        except PeerLeftError:
            raise
        except DamagedAddressError:
            return self._pages.plain(views.DAMAGED_ADDRESS)
        except ServiceError as error:
            return self._pages.plain(views.refused(on_page(error)))
        except Exception as error:
            number = secrets.token_hex(4)
            log.exception("page.failed", incident=number, type=type(error).__name__)
            return self._pages.plain(views.our_fault(number))
