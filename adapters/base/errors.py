"""The seven ways in which a call to a platform can fail. Codes only: `bot.views` has the sentences."""

from __future__ import annotations

from datetime import timedelta


class PlatformError(Exception):
    """A call to a platform failed.

    `code` is short, one of ours or documented by the platform, and safe to log. `retry_after` applies to every
    call of our app if `whole_app`, else to this one.
    """

    def __init__(self, code: str, *, retry_after: timedelta | None = None, whole_app: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.whole_app = whole_app


class Busy(PlatformError):
    """The call had no effect: a rate limit, an outage, no connection. It can be repeated later."""


class OutcomeUnknown(PlatformError):
    """A request that has an effect was sent, and its answer was lost. It may have succeeded."""


class Rejected(PlatformError):
    """The platform refused the request. The person has to change something."""


class TokenRefused(PlatformError):
    """The access token was not accepted. A refresh tells whether the grant has ended."""


class GrantDead(PlatformError):
    """The platform said, with a code that it documents for this, that the grant has ended."""


class Misconfigured(PlatformError):
    """The operator's app is at fault, not the person's account. The operator has to act."""


class Expired(PlatformError):
    """What was prepared at the platform has expired. Nothing was published: it has to be prepared again."""
