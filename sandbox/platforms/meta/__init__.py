"""A simulated Meta: Facebook's dialog, Graph's tokens, the Pages and Instagram accounts behind them, and their posts.

Written from developers.facebook.com: "Manually Build a Login Flow", "Get Long-Lived Tokens", "Debug Token",
"Secure Graph API Calls", "Permissions Reference", "Handle Errors", "Rate Limits", "Platform Versioning",
and the User (`accounts`, `permissions`, `businesses`), Business (`owned_pages`, `client_pages`) and Page
references. Three choices are ours, because the documentation doesn't say: a Page of a portfolio is only in the
portfolio's list, a selection of Pages is stored per permission, and a Page token outside of it answers 190/467.

Settings besides the common ones: `access_life_s` (short user token), `long_life_s`, `data_access_life_s`,
`omit_expires_in` (the long token comes without a lifetime), `reexchange_extends` (exchanging a long token again
extends its lifetime), `accounts_empty` (`/me/accounts` hides everything), `require_proof` (the app's "Require App
Secret" switch), `limit_code` (every Graph call answers with this limit: 4, 17, 32, 80001 ...), `limit_minutes`, and
`deauthorize_url` (where Meta reports that a person removed the app: subcode 458).

For publishing: `processing_s` (how long a video or container is worked on), `chunk_bytes` (what a video upload asks for
at once), `duplicate_window_s`, `video_fails` (the next videos fail after they were finished), `container_fails` (the
code with which the next containers fail), `quota_total` (Instagram posts in 24 hours), `media_origin` (the one address
that pictures are fetched from).

Control actions: `revoke` {"person", "subcode"}, `expire` {"person"}, `scope` {"person", "scope", "status"},
`role` {"person", "page", "tasks"} (no tasks: the role is lost), `add_pages` {"person", "count", "name"}.
"""
