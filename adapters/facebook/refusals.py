"""What Facebook's refusals of a post mean. Sources: see `adapters.meta.refusals`."""

from __future__ import annotations

from datetime import timedelta

from adapters.base import Busy, Expired
from adapters.meta.refusals import EVERYWHERE, LATER, REJECTED, UNKNOWN, Table, Verdict

BAD_OFFSET = "1363037"
"""The chunk does not begin where Facebook has got to; the error says where that is."""
RESEND = Verdict(error=Busy, wait=timedelta(seconds=30))

POSTS: Table = {
    "1366051": UNKNOWN,
    "1390008": Verdict(error=Busy, wait=timedelta(minutes=15)),
    "1609005": REJECTED,
    "1609008": REJECTED,
    "2061006": REJECTED,
    "1346003": REJECTED,
    "1404006": REJECTED,
    "1404078": REJECTED,
    "1404102": REJECTED,
    "1404112": REJECTED,
    "4854002": REJECTED,
    "1349125": REJECTED,
}
FILES: Table = {
    "1366046": REJECTED,
    "2069019": REJECTED,
    "382": REJECTED,
    "389": REJECTED,
    "6000": REJECTED,
    "6001": LATER,
    "1363005": REJECTED,
    "1363019": RESEND,
    "1363020": Verdict(error=Expired),
    "1363022": REJECTED,
    "1363023": REJECTED,
    "1363030": RESEND,
    "1363031": REJECTED,
    "1363033": RESEND,
    BAD_OFFSET: RESEND,
    "1363042": REJECTED,
}
VIDEO_REJECTED = ("video_error", "video_expired", "video_upload_failed")
"""The states in which a video stays that will never be live."""
PUBLISHING: Table = {**EVERYWHERE, **POSTS, **FILES}
