"""The simulated Slack: one server, one state, and methods for what people do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from sandbox.core import Simulator
from sandbox.slack.admin import Administrators
from sandbox.slack.api import WebApi
from sandbox.slack.delivery import Courier
from sandbox.slack.oauth import CODE_LIFE_S, ROTATED_LIFE_S, OAuth
from sandbox.slack.people import People
from sandbox.slack.state import AppConfig, Json, Shortcut, SlackState
from sandbox.slack.validating import validate
from sandbox.slack.views import TRIGGER_LIFE_S, Views
from sandbox.slack.world import populate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    Page = Callable[["SlackSimulator"], Iterable[web.RouteDef]]


class SlackSimulator(People, Administrators, Simulator):
    """A Slack on localhost.

    Settings (`settings`, or `POST /_control/settings`):

    - `ack_timeout_s`: how long the app may take to answer (Slack: 3)
    - `trigger_life_s`: how long a trigger_id works (Slack: 3)
    - `message_interval_s`: seconds between two messages of the app in a channel (Slack: 1; 0: no limit)
    - `pictures_fail`: no picture of a message can be loaded, so Slack refuses the message
    - `view_closed`: what the app hears of a closed view: "state" (all that was entered), "bare" (no `state`, which
      Slack does not promise), "nothing" (as when the browser is closed)
    - `per_minute`: method -> calls a minute for each installation; absent: no limit
    - `retry_delays_s`: when an event is repeated (Slack: at once, after 1 and 5 minutes)
    - `code_life_s`, `token_life_s`: seconds an authorization code and a rotating token live
    - `token_rotation`: tokens expire and come with a refresh token
    - `id_token_claims`: replaces claims of the next ID tokens, to test what the app refuses
    """

    name: ClassVar[str] = "slack"
    called: ClassVar[str] = "Slack"

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "ack_timeout_s": 3.0,
            "trigger_life_s": TRIGGER_LIFE_S,
            "message_interval_s": 1.0,
            "pictures_fail": False,
            "view_closed": "state",
            "per_minute": {},
            "retry_delays_s": [0, 60, 300],
            "code_life_s": CODE_LIFE_S,
            "token_life_s": ROTATED_LIFE_S,
            "token_rotation": False,
            "id_token_claims": {},
        }
        self.state = SlackState(self.clock.now)
        populate(self.state)
        self.courier = Courier(self.state, self.settings)
        self.views = Views(self.state, self.settings)
        self.api = WebApi(self)
        self.oauth = OAuth(self)
        self._pages: list[Page] = []

    def configure(
        self,
        *,
        client_id: str,
        client_secret: str,
        signing_secret: str,
        app_url: str,
        redirect_urls: Sequence[str] = (),
        bot_scopes: Sequence[str] = (),
        command: str = "/octapost",
        command_description: str = "Social accounts of your team",
        usage_hint: str = "connect tiktok",
        shortcuts: Iterable[Shortcut | Mapping[str, str]] = (),
        events: Sequence[str] = (),
        messages_read_only: bool = False,
    ) -> AppConfig:
        """Configure the app as at api.slack.com; a second call replaces the first.

        `app_url` is the app's origin; requests are sent to `<app_url>/slack/events`. Without `bot_scopes` the app may
        request any scope. Only the `events` named here are sent, including `message.im` and the like. With
        `messages_read_only` people can write nothing in the app's Messages tab, and type no command there.
        """
        self.state.app = AppConfig(
            client_id=client_id,
            client_secret=client_secret,
            signing_secret=signing_secret,
            app_url=app_url,
            redirect_urls=tuple(redirect_urls),
            bot_scopes=tuple(bot_scopes),
            command=command,
            command_description=command_description,
            usage_hint=usage_hint,
            shortcuts=tuple(s if isinstance(s, Shortcut) else Shortcut(**s) for s in shortcuts),
            events=tuple(events),
            messages_read_only=messages_read_only,
        )
        self.state.touch()
        return self.state.app

    def mount(self, page: Page) -> None:
        """Add the routes that `page(self)` returns; call it before `start`."""
        self._pages.append(page)

    def routes(self) -> list[web.RouteDef]:
        """Return all routes. OAuth and `blocks.validate` come before the other methods: they need no token."""
        mounted = [route for page in self._pages for route in page(self)]
        validating = web.post("/api/blocks.validate", validate)
        return [*self.oauth.routes(), validating, *self.api.routes(), *mounted]

    async def start(self, port: int = 0) -> str:
        """Listen on localhost, get ready to call the app, and return the origin."""
        await self.courier.open()
        return await super().start(port)

    async def stop(self) -> None:
        """Stop listening, and cancel outstanding retries."""
        await self.courier.close()
        await super().stop()

    def consent(
        self, url: str, user_id: str, team_id: str, *, decision: str = "approve", org_wide: bool = False
    ) -> str:
        """Return the address of the redirect after a decision on an authorize URL: see `OAuth.consent`."""
        return self.oauth.consent(url, user_id, team_id, decision=decision, org_wide=org_wide)

    async def verify_url(self) -> bool:
        """Send `url_verification` and tell whether the app answered with the challenge.

        https://docs.slack.dev/reference/events/url_verification
        """
        challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
        outcome = await self.courier.event(
            {
                "type": "url_verification",
                "token": "verification-token-nobody-should-use",
                "challenge": challenge,
            }
        )
        return not outcome.error and challenge in outcome.text

    def controls(self) -> Mapping[str, Callable[[Json], Awaitable[Any]]]:
        """Return the control actions, for tests in other processes.

        `configure` takes the keywords of the method; `uninstall` {"where", "order"?}; `archive` {"channel",
        "archived"?}; `deactivate` {"user", "deleted"?}; `invite` and `kick` {"channel", "user"?}; `revoke`
        {"where"} ends tokens without an event; `event` {"team", "event"};
        `complaints` lists what Slack refused.
        """

        async def configure(given: Json) -> Json:
            self.configure(**given)
            return {}

        async def uninstall(given: Json) -> Json:
            order = given.get("order", ["tokens_revoked", "app_uninstalled"])
            outcomes = await self.uninstall(given["where"], order)
            return {"statuses": [o.status if o else None for o in outcomes]}

        async def archive(given: Json) -> Json:
            await self.archive(given["channel"], archived=given.get("archived", True))
            return {}

        async def deactivate(given: Json) -> Json:
            await self.deactivate(given["user"], deleted=given.get("deleted", True))
            return {}

        async def invite(given: Json) -> Json:
            await self.invite(given["channel"], given.get("user", ""))
            return {}

        async def kick(given: Json) -> Json:
            await self.kick(given["channel"], given.get("user", ""))
            return {}

        async def revoke(given: Json) -> Json:
            return {"revoked": self.revoke_tokens(given["where"])}

        async def event(given: Json) -> Json:
            outcome = await self.event(given["team"], given["event"])
            return {"status": outcome.status if outcome else None}

        async def complaints(_given: Json) -> list[str]:
            return list(self.state.complaints)

        return {
            "configure": configure,
            "uninstall": uninstall,
            "archive": archive,
            "deactivate": deactivate,
            "invite": invite,
            "kick": kick,
            "revoke": revoke,
            "event": event,
            "complaints": complaints,
        }
