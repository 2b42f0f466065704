"""What all adapters share: facts, values, errors and the protocol.

Facts about a platform are data (`Platform`, `App`, `Scope`); its behaviour is a small class that implements
`Adapter`. An adapter returns dataclasses of this package and raises one of the six `PlatformError`s; a platform's
JSON never leaves it.
"""

from adapters.base.answers import body_of, object_of, objects_of, text_of
from adapters.base.blockers import BY_PLATFORM, Blocker, Hint
from adapters.base.errors import (
    Busy,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
)
from adapters.base.facts import (
    UNDOCUMENTED,
    App,
    Budget,
    Capability,
    ClientAuth,
    Pkce,
    Platform,
    Refresh,
    Scope,
    Shape,
    capabilities,
    missing_scopes,
)
from adapters.base.protocol import AccountTokens, Adapter
from adapters.base.values import Client, Discovery, Identity, Place, RemoteAccount, Tokens
from adapters.base.webhooks import BadSignature, Deauthorization, DeletionPage, SignedRequest, Webhook

__all__ = [
    "BY_PLATFORM",
    "UNDOCUMENTED",
    "AccountTokens",
    "Adapter",
    "App",
    "BadSignature",
    "Blocker",
    "Budget",
    "Busy",
    "Capability",
    "Client",
    "ClientAuth",
    "Deauthorization",
    "DeletionPage",
    "Discovery",
    "GrantDead",
    "Hint",
    "Identity",
    "Misconfigured",
    "OutcomeUnknown",
    "Pkce",
    "Place",
    "Platform",
    "PlatformError",
    "Refresh",
    "Rejected",
    "RemoteAccount",
    "Scope",
    "Shape",
    "SignedRequest",
    "TokenRefused",
    "Tokens",
    "Webhook",
    "body_of",
    "capabilities",
    "missing_scopes",
    "object_of",
    "objects_of",
    "text_of",
]
