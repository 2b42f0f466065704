"""What the operator can count: served on /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

HANDLED = Counter(
    "octapost_slack_requests_total", "Slack requests by route and outcome", ["kind", "key", "outcome"]
)
ANSWERED = Histogram("octapost_slack_answer_seconds", "Time from dispatch to answer", ["kind"])
GRANTS = Counter(
    "octapost_consents_total", "Consents by platform and what they came to", ["platform", "outcome"]
)
NOTICES = Counter("octapost_notices_total", "Messages owed to Slack by outcome", ["outcome"])
WEB = Counter("octapost_web_requests_total", "Browser requests by route and status", ["route", "status"])
VERDICTS = Counter(
    "octapost_refresh_verdicts_total", "Refreshes by platform and verdict", ["platform", "verdict"]
)
REFRESH_SECONDS = Histogram("octapost_refresh_seconds", "From claim to commit, by platform", ["platform"])
OPERATOR = Counter("octapost_operator_pages_total", "Faults only the operator can mend", ["platform", "code"])
