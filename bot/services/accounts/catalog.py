"""What this installation can connect: the platforms it has apps for, and what a grant lets an account do."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from adapters.base import Capability, Client, Misconfigured, Platform, Scope, capabilities, missing_scopes
from bot.services.errors import PlatformNotSetUpError, UnknownPlatformError
from storage.folding import fold
from storage.models import GrantStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.settings import PlatformSettings
    from storage.models import Account, Grant

CLOSE_KEY = 0.6
"""How similar a typed word is to the platform it probably means. Their keys are short, and there are few."""
OVER = frozenset({GrantStatus.NEEDS_RECONNECT, GrantStatus.ENDED})
"""A grant in these states does nothing for anybody."""


class PlatformCatalog:
    """The platforms, as the operator configured them. Built once, in `bot.app`."""

    def __init__(self, platforms: Mapping[str, PlatformSettings]) -> None:
        self._platforms = platforms

    def configured(self) -> list[PlatformSettings]:
        """Return the platforms this installation has an app for, in the registry's order."""
        return [found for found in self._platforms.values() if found.clients]

    def unconfigured(self) -> list[PlatformSettings]:
        """Return the platforms without credentials."""
        return [found for found in self._platforms.values() if not found.clients]

    def platform(self, key: str) -> Platform:
        """Return a platform's facts, offered or not. Raises KeyError for a key we never had."""
        return self._platforms[key].platform

    def resolve(self, word: str) -> PlatformSettings:
        """Return the offered platform a person named.

        Raises:
            UnknownPlatformError: No platform is called that.
            PlatformNotSetUpError: The operator configured no app for it.

        """
        named = self._called(word)
        found = named[0] if len(named) == 1 else None
        if found is not None and found.clients:
            return found
        offered = tuple(p.platform.name for p in self.configured())
        if found is not None:
            raise PlatformNotSetUpError(found.platform.name, offered)
        near = self._near(word)
        raise UnknownPlatformError(word[:40], offered, tuple(each.platform.name for each in near))

    def _called(self, word: str) -> list[PlatformSettings]:
        """Return the platforms that the word names, such as "Twitter", "x.com", "twitter/x" or "tik tok"."""
        parts = {_bare(part) for part in re.split(r"[/,&+|\s]", word)} | {_bare(word)}
        return [
            each
            for each in self._platforms.values()
            if parts & {each.platform.key, _bare(each.platform.name), *each.platform.nicknames}
        ]

    def _near(self, word: str) -> list[PlatformSettings]:
        """Return the offered platforms that were probably meant by a word that names none, or several."""
        offered = self.configured()
        named = [each for each in self._called(word) if each.clients]
        family = [each for each in offered if each.platform.family == _bare(word)]
        if named or family:
            return named or family
        keys = [each.platform.key for each in offered]
        alike = difflib.get_close_matches(_bare(word), keys, n=1, cutoff=CLOSE_KEY)
        return [self._platforms[key] for key in alike]

    def family(self, platform: Platform) -> list[str]:
        """Return the keys of the platforms whose consents end together with this one's."""
        return [key for key, found in self._platforms.items() if found.platform.family == platform.family]

    def client(self, platform: str, app: str) -> Client:
        """Return our credentials for an app. Raises Misconfigured when they were taken out."""
        if not self.is_configured(platform, app):
            raise Misconfigured("no_credentials")
        return self._platforms[platform].clients[app]

    def cents_per_day(self, platform: str) -> float | None:
        """Return how many US cents our posts to a platform may cost within 24 hours; None: as many as they do."""
        found = next(iter(self._platforms[platform].clients.values()), None)
        cents = found.options.get("cents_per_day") if found is not None else None
        return float(cents) if cents else None

    def is_configured(self, platform: str, app: str) -> bool:
        """Tell whether this installation has credentials for an app."""
        found = self._platforms.get(platform)
        return found is not None and app in found.clients

    def capabilities(self, account: Account, grant: Grant | None) -> frozenset[Capability]:
        """Return what the account can do, from its grant's scopes and its own role there."""
        if (
            grant is None
            or grant.status in OVER
            or account.disconnected_at is not None
            or account.access_error
        ):
            return frozenset()
        app = next(a for a in self.platform(account.platform).apps if a.key == account.app)
        return capabilities(app, grant.scopes) - {Capability(name) for name in account.missing}

    def missing_scopes(self, account: Account, grant: Grant | None) -> tuple[Scope, ...]:
        """Return the permissions that were not granted."""
        app = next(a for a in self.platform(account.platform).apps if a.key == account.app)
        return missing_scopes(app, grant.scopes) if grant is not None else ()


def _bare(word: str) -> str:
    """Return a platform's name as people type it, without case, spaces and ".com"."""
    return fold(word).replace(" ", "").removesuffix(".com")
