"""Where the bot token may be sent to fetch a file."""

from __future__ import annotations

import pytest

from bot.slack.files import is_file_url

SLACK = "https://slack.com/api/"


@pytest.mark.parametrize(
    ("url", "api", "is_slack"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.png", SLACK, True),
        ("https://files.slack-gov.com/files-pri/T1-F1/a.png", "https://slack-gov.com/api/", True),
        ("http://localhost:4000/files-pri/T1-F1/a.png", "http://localhost:4000/api/", True),
        ("http://files.slack.com/files-pri/T1-F1/a.png", SLACK, False),
        ("https://slack.com/files-pri/T1-F1/a.png", SLACK, False),
        ("https://files.slack.com:8443/a.png", SLACK, False),
        ("https://files.slack.com.evil.example/a.png", SLACK, False),
        ("https://evil.example/files.slack.com/a.png", SLACK, False),
        ("https://files.slack.com@evil.example/a.png", SLACK, False),
        ("https://someone@files.slack.com/a.png", SLACK, False),
        ("https://evil.example#@files.slack.com/a.png", SLACK, False),
        ("https://[::1]/a.png", SLACK, False),
        ("https://127.0.0.1/a.png", SLACK, False),
        ("https://[broken/a.png", SLACK, False),
        ("http://localhost:4001/a.png", "http://localhost:4000/api/", False),
        ("file:///etc/passwd", SLACK, False),
        ("//files.slack.com/a.png", SLACK, False),
        ("", SLACK, False),
    ],
)
def test_a_file_is_fetched_from_slacks_file_host_only(url: str, api: str, is_slack: bool) -> None:
    assert is_file_url(url, api) is is_slack
