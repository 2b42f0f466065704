"""What Facebook and Instagram share: the login, the tokens, the Graph API and the list of Pages.

Sources, read 2026-11-23: https://developers.facebook.com, "Manually Build a Login Flow", "Get Long-Lived Tokens",
"Debug Token", "Secure Graph API Calls", "Handle Errors", "Rate Limits", "Platform Versioning", the User and Page
references.
"""

from __future__ import annotations

from adapters.base import Capability, Shape

DEFAULT_GRAPH_VERSION = "v26.0"
"""Released 2026-07-29, the newest. Operators can set `graph_version`."""
GRAPH = "https://graph.facebook.com"
AUTHORIZE_URL = f"https://www.facebook.com/{DEFAULT_GRAPH_VERSION}/dialog/oauth"
TOKEN_URL = f"{GRAPH}/{DEFAULT_GRAPH_VERSION}/oauth/access_token"
REVOKE_URL = f"{GRAPH}/{DEFAULT_GRAPH_VERSION}/me/permissions"
APP_ID = Shape(pattern=r"\d+", words="the app id: digits only")
OPTIONS = ("graph_version", "config_id")
OPTION_SHAPES = {"config_id": Shape(pattern=r"\d+", words="the configuration's id: digits only")}
REFUSAL_PARAMETERS = ("error", "error_code")
"""The dialog's own refusals have no `error`: `error_code=1349126&error_message=App+Not+Active`. Undocumented; public
reports of it were read 2026-11-30."""
OUR_FAULT_CODES = frozenset({"1349126"})
"""The app is not active: in development mode, restricted or removed."""
FAMILY = "meta"
"""Facebook and Instagram are one Meta app: deleting its permissions ends a person's consents to both."""
ASK_AGAIN = {"auth_type": "rerequest"}
"""Without it the dialog does not ask again for permissions that the person declined before."""
ALL = frozenset({Capability.PUBLISH, Capability.MEDIA, Capability.INSIGHTS})
POSTING = frozenset({Capability.PUBLISH, Capability.MEDIA})

ENDED = frozenset({"190_458", "190_459", "190_460", "190_463", "190_464", "190_467", "190_492"})
"""App removed, checkpoint, password changed, expired, account unconfirmed, session invalid, role lost."""
AWAITS_PERSON = frozenset({"190_459", "190_464"})
"""Codes that pass when the person signs in at facebook.com: the permission is still granted."""
SIGN_IN_FIRST = dict.fromkeys(AWAITS_PERSON, "facebook.com")
DEAD_GRANT_CODES = ENDED | {"190"}
"""Plain 190 stands for a refused token that debug_token calls invalid too."""
