"""What differs from run to run is taken out of what was said, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.golden.normalize import Normalizer

NAMES = {"http://localhost:4001": "https://app"}


def cleaned(payload: Any) -> Any:
    return Normalizer(NAMES).clean(payload)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("acc_0123456789abcdef0123, acc_fedcba98765432100123", "acc_aaaaaaaaaaaaaaaaaaaa, acc_bbbbbbbbbbbbbbbbbbbb"),
        ("<!date^1796000000^{date_short_pretty}|30 Nov 2026>", "<!date^1806000000^{date_short_pretty}|26 Mar 2027>"),
        ("since 2026-11-30 03:33:17.123456 UTC", "since 2027-01-01T00:00:00Z"),
        ("on Monday, 30 Nov 2026", "on Friday, 1 January 2027"),
        ("from 09:30 on", "from 17:05 on"),
        ("https://slack.test/archives/C0ACMESOC/p1796000000123456", "https://slack.test/archives/C0ACMESOC/p1806000000654321"),
        ("http://localhost:5001/x", "http://localhost:39999/x"),
        (f"/connect/{'aB3-_' * 8}xyz", f"/connect/{'Zz9_-' * 8}abc"),
        ("/octapost org join EGYZ-92HU-33XS-BB8U", "/octapost org join FU2E-W9Y9-LHMT-GCX4"),
        ("in D7KQ2XWZAB", "in DABCDEFGHI"),
    ],
)  # fmt: skip
def test_two_runs_that_differ_only_in_ids_times_and_addresses_say_the_same(first: str, second: str) -> None:
    assert cleaned({"text": first}) == cleaned({"text": second})
    assert cleaned({"text": first}) != {"text": first}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("needs reconnecting", "has to be reconnected"),
        ("2 accounts", "3 accounts"),
        ("ends in 7 days", "ends in 8 days"),
        ("<@U0ADA> is on it", "<@U0OTTO> is on it"),
        ("in <#C0ACMESOC>", "in <#C0ACMEGEN>"),
        ("<!date^1796000000^{date}|30 Nov 2026>", "<!date^1796000000^{time}|30 Nov 2026>"),
        ("https://app/a", "https://app/b"),
    ],
)
def test_what_people_read_stays(first: str, second: str) -> None:
    assert cleaned({"text": first}) != cleaned({"text": second})


def test_an_id_that_returns_is_told_from_another_one() -> None:
    one, other = "acc_0123456789abcdef0123", "acc_fedcba98765432100123"

    assert cleaned([one, other, one]) == ["acc_1", "acc_2", "acc_1"]
    assert cleaned([one, other, other]) == ["acc_1", "acc_2", "acc_2"]


def test_an_address_that_is_known_is_named() -> None:
    assert cleaned("http://localhost:4001/connect") == "https://app/connect"


def test_numbers_switches_and_gaps_stay_but_times_do_not() -> None:
    assert cleaned([1, True, None, 1796000000]) == [1, True, None, "TIMESTAMP"]
