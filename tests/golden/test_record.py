"""The golden run notices what changes, shows it, and keeps no record of a test that is no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.counts import FULL
from tests.golden.normalize import Normalizer
from tests.golden.record import (
    WRITE,
    Record,
    WriteRefused,
    digest_of,
    function_of,
    functions_in,
    name_of,
    recorded_in,
    rewrite,
    writing,
)
from tests.golden.recording import Said

HELLO: Said = {"message": {"to": "U0ADA", "text": "Octapost is ready."}}
OFFER: Said = {"message": {"to": "U0ADA", "text": "Connect an account.", "blocks": [{"type": "divider"}]}}
PAGE: Said = {"page": {"title": "Connected", "status": 200, "text": ["Connected", "You can close this."]}}


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Give the record of one test, which says two things."""
    found = Record(tmp_path)
    found.keep("test_a", [HELLO, PAGE])
    found.write()
    return Record(tmp_path)


# What changes is found


def test_the_same_words_in_any_order_do_not_differ(record: Record) -> None:
    assert record.differences("test_a", [PAGE, HELLO, HELLO]) == ""


def test_a_changed_word_is_found_and_both_versions_are_shown(record: Record) -> None:
    changed = {"message": {"to": "U0ADA", "text": "Octapost is running."}}

    shown = record.differences("test_a", [changed, PAGE])

    assert "Changed, message" in shown
    assert '-  "text": "Octapost is ready."' in shown
    assert '+  "text": "Octapost is running."' in shown
    assert "You can close this." not in shown


def test_another_id_is_no_difference(record: Record) -> None:
    def said(account: str) -> Any:
        return Normalizer({}).clean({"answer": {"text": "Ready", "value": account}})

    record.keep("test_a", [said("acc_0123456789abcdef0123")])

    assert record.differences("test_a", [said("acc_fedcba98765432100123")]) == ""
    assert record.differences("test_a", [said("grt_fedcba98765432100123")])


def test_a_message_to_somebody_else_is_found(record: Record) -> None:
    assert record.differences("test_a", [{"message": HELLO["message"] | {"to": "U0OTTO"}}, PAGE])


def test_what_is_said_besides_is_found(record: Record) -> None:
    shown = record.differences("test_a", [HELLO, PAGE, OFFER])

    assert shown.startswith("New, message:")
    assert "Connect an account." in shown


def test_what_is_not_said_any_more_is_found(record: Record) -> None:
    shown = record.differences("test_a", [HELLO])

    assert shown.startswith("Gone, page:")
    assert "You can close this." in shown


def test_a_test_without_a_record_is_told_how_to_make_one(record: Record) -> None:
    assert "OCTAPOST_GOLDEN=write" in record.differences("test_b", [HELLO])


# Keeping the record


def test_what_nobody_says_any_more_is_not_kept(record: Record, tmp_path: Path) -> None:
    record.keep("test_b", [OFFER, PAGE])
    record.forget(["test_a"])
    record.write()

    kept = Record(tmp_path)
    assert kept.tests == {"test_b": sorted([digest_of(OFFER), digest_of(PAGE)])}
    assert list(kept.sayings.values()) == [OFFER, PAGE]


def test_processes_that_write_their_parts_keep_the_rest(record: Record, tmp_path: Path) -> None:
    stories = tmp_path / "stories"
    stories.mkdir()
    (stories / "test_it.py").write_text("def test_a(): ...\nasync def test_b(): ...\ndef test_d(): ...\n")
    record.keep("test_b[old]", [OFFER])
    record.keep("test_c", [OFFER])
    record.keep("test_d", [OFFER])
    record.write()
    collected = {"test_b[1]": True, "test_b[2]": True, "test_d": False}

    rewrite({"test_b[1]": [HELLO]}, collected, tmp_path, stories)
    rewrite({"test_b[2]": [PAGE]}, collected, tmp_path, stories)

    assert list(Record(tmp_path).tests) == ["test_a", "test_b[1]", "test_b[2]"]


def test_the_two_databases_share_a_record() -> None:
    assert name_of("test_a[sqlite]") == name_of("test_a[postgresql]") == "test_a"
    assert name_of("test_a[postgresql-x-4711]") == name_of("test_a[sqlite-x-4711]") == "test_a[x-4711]"
    assert name_of("test_a[x-sqlite]") == "test_a[x]"
    assert name_of("test_a[x-4711]") == "test_a[x-4711]"


def test_it_is_written_only_in_full_and_never_in_ci() -> None:
    assert not writing({}, full=False)
    assert writing({WRITE: "write"}, full=True)
    for env, full in (
        ({WRITE: "write", "CI": "true"}, True),
        ({WRITE: "write"}, False),
        ({WRITE: "1"}, True),
    ):
        with pytest.raises(WriteRefused):
            writing(env, full=full)


def test_each_record_belongs_to_a_test(request: pytest.FixtureRequest) -> None:
    kept, names = Record().tests, list(functions_in())
    assert len(names) == len(set(names)), "records go by name: two stories share one"
    assert {function_of(test) for test in kept} <= set(names), "tests that are no more: rewrite the record"

    # Where every test runs, that holds for each of a test's parameters too.
    every = FULL and not request.config.option.keyword
    collected = recorded_in(request.session.items) if every else {}
    ran = {function_of(test) for test in collected}
    assert {test for test in kept if function_of(test) in ran and not collected.get(test)} == set()


def test_each_payload_is_said_by_a_test_and_nobody_edited_it() -> None:
    record = Record()

    assert {digest for digests in record.tests.values() for digest in digests} == set(record.sayings)
    assert all(digest_of(saying) == digest for digest, saying in record.sayings.items())
