"""What Instagram's refusals of a post mean.

Sources, read 2026-11-23: https://developers.facebook.com, Instagram Platform, "Error Codes". 2207077, 2207081, 2207082
and 2207085 were seen by public projects that post to Instagram.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import Busy, Expired
from adapters.meta.refusals import EVERYWHERE, LATER, REJECTED, UNKNOWN, Table, Verdict

NOT_READY = Verdict(error=Busy, wait=timedelta(seconds=30))
GONE = Verdict(error=Expired)
QUOTA_USED = "2207042"
CONTAINER_FAILED = "container_failed"
"""A container failed with a code that is not documented, or with none."""

PUBLISHING: Table = {
    **EVERYWHERE,
    "-1": LATER,
    "-2": LATER,
    "2207001": LATER,
    "2207003": LATER,
    "2207032": LATER,
    "2207052": LATER,
    "2207053": LATER,
    "2207077": LATER,
    "2207082": LATER,
    "2207085": LATER,
    "9004": LATER,
    "2207027": NOT_READY,
    "9007": NOT_READY,
    QUOTA_USED: Verdict(error=Busy, wait=timedelta(hours=1)),
    "2207008": GONE,
    "2207020": GONE,
    "2207051": UNKNOWN,
    "24": REJECTED,
    "25": REJECTED,
    "352": REJECTED,
    "2207004": REJECTED,
    "2207005": REJECTED,
    "2207006": REJECTED,
    "2207009": REJECTED,
    "2207010": REJECTED,
    "2207023": REJECTED,
    "2207026": REJECTED,
    "2207028": REJECTED,
    "2207035": REJECTED,
    "2207036": REJECTED,
    "2207037": REJECTED,
    "2207040": REJECTED,
    "2207050": REJECTED,
    "2207057": REJECTED,
    "2207081": REJECTED,
    "36000": REJECTED,
    "36001": REJECTED,
    "36003": REJECTED,
    "36004": REJECTED,
}
