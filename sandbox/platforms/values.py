"""The data of a simulated login: its rules, the people and apps it knows, and their grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a platform's OAuth differs from that of others."""

    authorize_path: str
    token_path: str
    revoke_path: str | None
    scope_separator: str = " "
    answer_scope_separator: str = " "
    client_id_param: str = "client_id"
    basic_auth: bool = False
    """True: HTTP Basic only at the token endpoint. False: the secret in the form only."""
    pkce: str = "none"
    """`none` (parameters are ignored), `optional` or `required` (S256), `hex` (TikTok desktop)."""
    code_life_s: float = 600
    access_life_s: float = 3600
    refresh_life_s: float | None = None
    issues_refresh: bool = True
    single_use_refresh: bool = False
    """A refresh replaces the refresh token; using an old one ends the whole grant."""
    single_grant: bool = False
    """A new sign-in of a person ends that person's earlier grant with the same app."""
    untickable: bool = True
    """The consent page has a check box per scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApp:
    """A developer's app, as entered in the platform's portal."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One registration of Octapost at a platform, with credentials that are made up, fixed and public."""

    app: str
    """The part <APP> of the names of its variables, such as OCTAPOST_<APP>_CLIENT_ID."""
    platform: str
    """The part <PLATFORM> of the variable with the platform's address: OCTAPOST_<PLATFORM>_URL."""
    client_id: str
    client_secret: str
    scopes: tuple[str, ...] | None = None
    """None: all scopes of the platform."""
    callbacks: tuple[str, ...] = ()
    """The platforms whose callbacks it lists; empty: its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person with a login at the platform."""

    id: str
    name: str
    about: str = ""
    """The line under the name on the consent page: what can be tried with this person."""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something besides scopes to tick or choose on the consent page: a Page, a channel."""

    id: str
    label: str
    checked: bool = True


@dataclass(slots=True, kw_only=True)
class Grant:
    """One person's consent to one app, with all its tokens."""

    id: str
    person: Person
    client_id: str
    scopes: frozenset[str]
    assets: frozenset[str]
    issued_at: float
    access: dict[str, float] = field(default_factory=dict)
    """Access token -> when it expires."""
    refresh: dict[str, float | None] = field(default_factory=dict)
    """Refresh token -> when it expires; used ones are moved to `spent`."""
    spent: set[str] = field(default_factory=set)
    dead: str = ""
    """Why the grant has ended; empty while it is valid."""

    def has(self, token: str) -> bool:
        """Tell whether an access or refresh token, valid or not, is of this grant."""
        return token in self.access or token in self.refresh or token in self.spent


@dataclass(slots=True, kw_only=True)
class Code:
    """An authorization code: it works once, for a short time, for one redirect URI and verifier."""

    grant: Grant
    redirect_uri: str
    expires_at: float
    challenge: str
    used: bool = False


class OAuthRefusal(Exception):
    """A refusal at the token endpoint, with a code of RFC 6749."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status
