"""The metrics that are served on /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter(
    "octapost_slack_requests_total", "Slack requests by route and outcome", ["kind", "key", "outcome"]
)
ANSWERED = Histogram("octapost_slack_answer_seconds", "Time from dispatch to answer", ["kind"])
SHED = Counter(
    "octapost_slack_shed_total", "Slack requests that came too late to be answered in time", ["reason"]
)
GRANTS = Counter(
    "octapost_consents_total", "Consents by platform and what they came to", ["platform", "outcome"]
)
NOTICES = Counter("octapost_notices_total", "Messages owed to Slack by outcome", ["outcome"])
DELIVERIES = Counter(
    "octapost_deliveries_total", "Deliveries by platform and what came of a try", ["platform", "outcome"]
)
WEB = Counter("octapost_web_requests_total", "Browser requests by route and status", ["route", "status"])
CONNECTIONS = Gauge("octapost_http_connections", "Open connections to this process")
DROPPED = Counter(
    "octapost_http_connections_dropped_total",
    "Connections closed by us, by what they had been waiting for too long, or why else",
    ["reason"],
)
REFUSED = Counter(
    "octapost_http_requests_refused_total", "Requests refused before anybody read them", ["reason"]
)
VERDICTS = Counter(
    "octapost_refresh_verdicts_total", "Refreshes by platform and verdict", ["platform", "verdict"]
)
REFRESH_SECONDS = Histogram("octapost_refresh_seconds", "From claim to commit, by platform", ["platform"])
OPERATOR = Counter("octapost_operator_pages_total", "Faults only the operator can mend", ["platform", "code"])
PROMPTS = Counter(
    "octapost_prompts_total", "Grants for which a person was asked to come, by platform", ["platform"]
)
SEALS = Counter("octapost_vault_seals_total", "Values this process sealed, by the key's id", ["key"])

# About the whole installation, measured when /metrics is read (bot/web/gauges.py).

HELD = Gauge("octapost_grants", "Grants by platform and status", ["platform", "status"])
PROMPTED = Gauge(
    "octapost_prompts_per_thousand_grants",
    "Sign-ins that came to need a person in the last 24 hours, per thousand of the platform's grants",
    ["platform"],
)
IN_DOUBT = Gauge("octapost_rotations_in_doubt", "Grants whose single-use refresh got no answer", ["platform"])
OLDEST_DUE = Gauge(
    "octapost_refresh_oldest_due_seconds", "For how long the longest due grant has been due", ["platform"]
)
BREAKER = Gauge("octapost_breaker_open", "1 while what a platform calls dead is not believed", ["platform"])
OWED = Gauge("octapost_outbox_waiting", "Messages owed to Slack")
OLDEST_OWED = Gauge("octapost_outbox_oldest_seconds", "For how long the oldest message has been owed")
MEASURED = Gauge("octapost_measured_timestamp_seconds", "When the gauges were last measured")
