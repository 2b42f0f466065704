"""What the status of a post on TikTok means.

Source, read 2026-11-30: https://developers.tiktok.com/doc/content-posting-api-reference-get-video-status.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from adapters.base import Finding, Handles, Outcome, Outgoing, Receipt, text_of
from adapters.numbers import whole
from adapters.tiktok.formats import ONLY_ME, PUBLIC, is_video
from adapters.tiktok.refusals import FAILURES

USERNAME = "username"
"""The handle with the account's name, for addresses."""
FIRST_LOOK = timedelta(seconds=5)
REVIEWED_WITHIN = timedelta(minutes=3)
"""What most reviews take at most; some take hours."""
UPLOADING = "PROCESSING_UPLOAD"
DONE = frozenset({"PUBLISH_COMPLETE", "PUBLISH_SUCCESS"})
IN_INBOX = "SEND_TO_USER_INBOX"


def live_finding(outgoing: Outgoing, handles: Handles, status: Mapping[str, Any], since: datetime) -> Finding:
    """Return that a post is live or in the inbox, with its address if TikTok has named it.

    The address of a public post is waited for as long as most reviews take.
    """
    username = handles.get(USERNAME, "")
    profile = f"https://www.tiktok.com/@{quote(username, safe='')}" if username else "https://www.tiktok.com/"
    post_id = _post_id(status)
    privacy = outgoing.content.options.get("privacy", "")
    again_in: timedelta | None = None
    in_review = privacy == PUBLIC and not post_id and status.get("status") in DONE
    if in_review and datetime.now(UTC) - since < REVIEWED_WITHIN:
        return Finding(outcome=Outcome.PROCESSING, again_in=pause_after(since))
    if post_id:
        kind, note = "video" if is_video(outgoing.content) else "photo", ""
        profile = f"{profile}/{kind}/{post_id}"
    elif status.get("status") == IN_INBOX:
        note = "in_inbox"
    elif privacy == PUBLIC:
        note, again_in = "link_later", pause_after(since)
    else:
        note = "only_me" if privacy == ONLY_ME else "no_link"
    receipt = Receipt(id=post_id, url=outgoing.client.at(profile), note=note)
    return Finding(outcome=Outcome.LIVE, receipt=receipt, again_in=again_in)


def _post_id(status: Mapping[str, Any]) -> str:
    """Return the id of the public post, which is a number or its text. Empty: there is none yet."""
    ids = status.get("publicaly_available_post_id")
    raw = str(ids[0]) if isinstance(ids, list) and ids else ""
    return raw if re.fullmatch(r"[1-9][0-9]{0,24}", raw) else ""


def failed_finding(outgoing: Outgoing, status: Mapping[str, Any]) -> Finding:
    """Return why TikTok did not publish what it had taken."""
    reason = text_of(status.get("fail_reason"))
    outcome = FAILURES.get(reason, Outcome.REFUSED)
    if outcome is Outcome.NOT_SENT and not is_video(outgoing.content):
        outcome = Outcome.REFUSED  # were the next answer lost, this `publish_id` would speak for it
    return Finding(outcome=outcome, code=reason if re.fullmatch(r"\w{1,80}", reason, re.ASCII) else "failed")


def size_of(outgoing: Outgoing) -> int:
    """Return the size of the video in bytes."""
    return outgoing.content.media[0].size


def uploaded(status: Mapping[str, Any]) -> int | float:
    """Return how many bytes TikTok has; more than any file has where it does not say."""
    stored = whole(status.get("uploaded_bytes"))
    return math.inf if stored is None else stored


def pause_after(since: datetime) -> timedelta:
    """Return when to look again: soon at first, because most reviews take less than a minute and some take hours."""
    age = datetime.now(UTC) - since
    if age < timedelta(minutes=1):
        return FIRST_LOOK
    return timedelta(seconds=30) if age < timedelta(minutes=10) else timedelta(minutes=5)
