"""What platforms tell us unasked: believed when it is signed, at once, and only once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlmodel import col, select, update
from structlog.testing import capture_logs

from sandbox.browser import PLAIN, Consent
from sandbox.member import text_of
from sandbox.platforms.meta.auth import META_SECRET
from storage.engine.statements import now
from storage.models import Account, AuditLine, FoundAccount, Grant, GrantStatus, new_secret
from tests.application import Office, open_office
from tests.counts import in_full, sampled
from tests.patience import PATIENCE_S
from tests.storage.world import run_sql

HOUR_S = 3600


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack)


async def grants(office: Office, platform: str) -> list[Grant]:
    async with office.database.system(write=False) as session:
        return list(await session.exec(select(Grant).where(Grant.platform == platform)))


async def post(office: Office, path: str, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=PLAIN) as http:
        return await http.post(office.playground.public_url + path, **request)


def signed_request(secret: str, **facts: object) -> str:
    payload = {"algorithm": "HMAC-SHA256", "issued_at": int(time.time())} | facts
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=")
    mac = hmac.new(secret.encode(), encoded, hashlib.sha256).digest()
    return f"{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}.{encoded.decode()}"


async def connect_facebook(office: Office) -> tuple[str, Any]:
    ada = await office.installed()
    await ada.connect("facebook", Consent(person="ana"), choose=2)
    [grant] = await grants(office, "facebook")
    return str(grant.external_id), ada


@pytest.mark.parametrize(
    ("path", "code", "erased"),
    sampled(
        [
            pytest.param("/meta/deauthorize", "deauthorized", True, id="deauthorize"),
            pytest.param("/meta/data-deletion", "deletion_requested", True, id="data-deletion"),
        ],
        2,
    ),
)
async def test_a_person_who_leaves_at_facebook_ends_their_grant_at_once(
    office: Office, path: str, code: str, erased: bool
) -> None:
    person, ada = await connect_facebook(office)
    seen = len(ada.direct_messages())

    answer = await post(office, path, data={"signed_request": signed_request(META_SECRET, user_id=person)})

    assert answer.status_code == 200
    [grant] = await grants(office, "facebook")
    assert (grant.status, grant.reason) == (GrantStatus.NEEDS_RECONNECT, code)
    assert (grant.access_sealed is None) is erased
    assert "reconnecting. Until then" in text_of(await ada.next_message(seen))


@pytest.mark.parametrize("deauthorized", sampled([True, False], 2))
async def test_a_deletion_leaves_no_token_of_the_person_or_their_pages(
    office: Office, deauthorized: bool
) -> None:
    person, ada = await connect_facebook(office)
    asked = {"signed_request": signed_request(META_SECRET, user_id=person)}
    seen = len(ada.direct_messages())
    if deauthorized:
        await post(office, "/meta/deauthorize", data=asked)
        await ada.next_message(seen)
        seen += 1

    answer = await post(office, "/meta/data-deletion", data=asked)

    assert answer.status_code == 200
    [grant] = await grants(office, "facebook")
    assert (grant.access_sealed, grant.refresh_sealed) == (None, None)
    async with office.database.system(write=False) as session:
        owned = list(await session.exec(select(Account.token_sealed)))
        found = list(await session.exec(select(FoundAccount.token_sealed)))
    assert owned != []
    assert {*owned, *found} == {None}
    if not deauthorized:
        assert "reconnecting. Until then" in text_of(await ada.next_message(seen))
    async with office.database.system(write=False) as session:
        told = await session.exec(select(AuditLine).where(AuditLine.action == "sign-in ended"))
        assert len(list(told)) == 1


@in_full
async def test_a_late_deauthorization_does_not_end_what_the_person_renewed_since(office: Office) -> None:
    person, _ = await connect_facebook(office)
    old = signed_request(META_SECRET, user_id=person, issued_at=int(time.time()) - 3600)

    answers = [
        await post(office, path, data={"signed_request": old})
        for path in ("/meta/deauthorize", "/meta/data-deletion")
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    [grant] = await grants(office, "facebook")
    assert grant.status == GrantStatus.HEALTHY
    assert grant.access_sealed is not None


@in_full
@pytest.mark.parametrize("issued_at", sampled([None, 10**30], 2))
async def test_a_departure_that_does_not_say_when_counts_from_now(office: Office, issued_at: object) -> None:
    person, _ = await connect_facebook(office)

    answer = await post(
        office,
        "/meta/deauthorize",
        data={"signed_request": signed_request(META_SECRET, user_id=person, issued_at=issued_at)},
    )

    assert answer.status_code == 200
    [grant] = await grants(office, "facebook")
    assert grant.status == GrantStatus.NEEDS_RECONNECT


async def test_a_deletion_is_confirmed_with_an_address_that_says_so(office: Office) -> None:
    person, _ = await connect_facebook(office)

    answer = await post(
        office, "/meta/data-deletion", data={"signed_request": signed_request(META_SECRET, user_id=person)}
    )

    body = answer.json()
    assert body["url"].endswith(body["confirmation_code"])
    async with httpx.AsyncClient(verify=PLAIN) as http:
        page = await http.get(body["url"])
    assert page.status_code == 200
    assert "Your deletion request is done" in page.text


async def test_a_deletion_that_nobody_asked_for_is_not_confirmed(office: Office) -> None:
    answer = await post(
        office, "/meta/data-deletion", data={"signed_request": signed_request(META_SECRET, user_id="1")}
    )
    code = answer.json()["confirmation_code"]
    changed = ("A" if code[0] != "A" else "B") + code[1:]

    async with httpx.AsyncClient(verify=PLAIN, base_url=office.world.app_url) as http:
        pages = [await http.get(f"/meta/deletion/{each}") for each in (new_secret(), changed, "short", "%00")]

    assert [page.status_code for page in pages] == [404] * 4
    for page in pages:
        assert "I don&#39;t know this deletion request" in page.text
        assert "carried out" not in page.text


NOT_SIGNED_BY_META = {
    "nothing": "",
    "no dot": "abc",
    "a wrong signature": "AAAA.eyJ1c2VyX2lkIjoiMSJ9",
    "another app's secret": signed_request("another-secret", user_id="1"),
    "another algorithm": signed_request(META_SECRET, user_id="1", algorithm="none"),
    "nobody": signed_request(META_SECRET),
    "not ASCII": "ü.ü",
}


async def test_what_meta_did_not_sign_is_refused_and_changes_nothing(office: Office) -> None:
    await connect_facebook(office)

    answers = {
        what: (await post(office, "/meta/deauthorize", data={"signed_request": signed})).status_code
        for what, signed in NOT_SIGNED_BY_META.items()
    }

    assert answers == dict.fromkeys(NOT_SIGNED_BY_META, 403)
    [grant] = await grants(office, "facebook")
    assert grant.status == GrantStatus.HEALTHY


@pytest.mark.parametrize(
    ("platform", "person", "simulator", "why"),
    sampled(
        [
            pytest.param(
                "tiktok", "octa_demo", "tiktok", "someone removed Octapost in the TikTok app", id="tiktok"
            ),
            pytest.param(
                "instagram", "ana", "meta", "someone removed Octapost in their Facebook settings", id="meta"
            ),
        ],
        2,
    ),
)
async def test_a_removal_on_the_world_page_reaches_us_however_much_time_has_passed_there(
    office: Office, platform: str, person: str, simulator: str, why: str
) -> None:
    ada = await office.installed()
    await ada.connect(platform, Consent(person=person))
    await office.world.pass_time(timedelta(days=3))
    seen = len(ada.direct_messages())

    async with httpx.AsyncClient(verify=PLAIN, follow_redirects=True) as http:
        page = await http.post(f"{office.world.url}/world/{simulator}/revoke", data={"what": person})

    assert "has told Octapost: look in Slack." in page.text
    assert "Let Octapost find out" not in page.text
    assert why in text_of(await ada.next_message(seen))


async def connect_tiktok(office: Office) -> Any:
    ada = await office.installed()
    await ada.connect("tiktok", Consent(person="octa_demo"))
    return ada


@in_full
async def test_access_removed_in_the_tiktok_app_asks_a_person_at_once(office: Office) -> None:
    ada = await connect_tiktok(office)
    seen = len(ada.direct_messages())

    told = await office.world.platforms["tiktok"].controls()["revoke"]({"person": "octa_demo", "reason": 1})

    assert told["webhooks"] == [200]
    [grant] = await grants(office, "tiktok")
    assert (grant.status, grant.reason) == (GrantStatus.NEEDS_RECONNECT, "authorization_removed")
    assert "reconnecting. Until then" in text_of(await ada.next_message(seen))


async def test_what_tiktok_did_not_sign_in_the_last_three_days_is_refused(office: Office) -> None:
    await connect_tiktok(office)
    [grant] = await grants(office, "tiktok")
    raw = json.dumps({"event": "authorization.removed", "user_openid": grant.external_id}).encode()
    now, secret = int(time.time()), "tiktok-secret-of-the-sandbox"

    def signature(secret: str, stamp: int) -> str:
        return hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()

    headers = {
        "guessed": f"t={now},s={signature('guessed', now)}",
        "old": f"t={now - 73 * HOUR_S},s={signature(secret, now - 73 * HOUR_S)}",
        "without a time": f"s={signature(secret, now)}",
    }
    answers = {
        what: (await post(office, "/tiktok/webhook", content=raw, headers={"TikTok-Signature": header}))
        for what, header in headers.items()
    }

    assert {what: answer.status_code for what, answer in answers.items()} == dict.fromkeys(headers, 403)
    [after] = await grants(office, "tiktok")
    assert after.status == GrantStatus.HEALTHY


def removal(
    person: str, *, ago_s: int = 0, signed_ago_s: int = 0, reason: int = 1
) -> tuple[bytes, dict[str, str]]:
    """Return TikTok's word, said and signed so long ago, and its headers."""
    said = {
        "event": "authorization.removed",
        "user_openid": person,
        "create_time": int(time.time()) - ago_s,
        "content": json.dumps({"reason": reason}),
    }
    raw, stamp = json.dumps(said).encode(), int(time.time()) - signed_ago_s
    mac = hmac.new(b"tiktok-secret-of-the-sandbox", f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    return raw, {"TikTok-Signature": f"t={stamp},s={mac}"}


async def signed_in_ago(office: Office, platform: str, ago: timedelta) -> None:
    """Let a platform's sign-ins, and what was last heard about them, be that old."""
    async with office.database.system() as session:
        await session.exec(
            update(Grant)
            .where(col(Grant.platform) == platform)
            .values(consented_at=now(-ago), checked_at=now(-ago)),
            execution_options={"synchronize_session": False},
        )


async def becomes(office: Office, platform: str, holds: Callable[[Grant], bool]) -> Grant:
    """Return the platform's one grant as soon as that holds for it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            [grant] = await grants(office, platform)
            if holds(grant):
                return grant
            await asyncio.sleep(0.05)


@in_full
@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"ago_s": 40}, id="just-before-the-sign-in"),
        pytest.param({"reason": 5}, id="by-ourselves"),
        pytest.param({"signed_ago_s": HOUR_S}, id="signed-an-hour-ago"),
        pytest.param({"signed_ago_s": -HOUR_S}, id="signed-in-an-hour"),
    ],
)
async def test_a_removal_that_may_not_be_about_this_sign_in_is_decided_by_asking_tiktok(
    office: Office, said: dict[str, int]
) -> None:
    await connect_tiktok(office)
    [grant] = await grants(office, "tiktok")
    raw, headers = removal(str(grant.external_id), **said)

    answer = await post(office, "/tiktok/webhook", content=raw, headers=headers)

    assert answer.status_code == 200
    after = await becomes(office, "tiktok", lambda found: found.generation > grant.generation)
    assert (after.status, after.last_outcome) == (GrantStatus.HEALTHY, "fresh")


@in_full
async def test_a_removal_that_reaches_us_two_days_late_is_believed_when_tiktok_says_it_too(
    office: Office,
) -> None:
    await connect_tiktok(office)
    await signed_in_ago(office, "tiktok", timedelta(days=30))
    [grant] = await grants(office, "tiktok")
    tiktok = office.world.platforms["tiktok"]
    tiktok.settings["webhook_url"] = ""  # it could not reach us then
    await tiktok.controls()["revoke"]({"person": "octa_demo", "reason": 1})
    raw, headers = removal(str(grant.external_id), ago_s=48 * HOUR_S, signed_ago_s=48 * HOUR_S)

    answer = await post(office, "/tiktok/webhook", content=raw, headers=headers)

    assert answer.status_code == 200
    after = await becomes(office, "tiktok", lambda found: found.suspected_at is not None)
    assert (after.status, after.last_outcome, after.last_error_code) == (
        GrantStatus.HEALTHY,
        "GrantDead",
        "invalid_grant",
    )


@in_full
async def test_what_tiktok_has_called_good_since_a_late_word_is_not_asked_about_again(office: Office) -> None:
    await connect_tiktok(office)
    [grant] = await grants(office, "tiktok")
    raw, headers = removal(str(grant.external_id), ago_s=48 * HOUR_S, signed_ago_s=48 * HOUR_S)
    async with office.database.system() as session:
        await session.exec(
            update(Grant).values(consented_at=now(timedelta(days=-30))),
            execution_options={"synchronize_session": False},
        )

    answer = await post(office, "/tiktok/webhook", content=raw, headers=headers)

    assert answer.status_code == 200
    [after] = await grants(office, "tiktok")
    assert (after.status, after.due_at) == (GrantStatus.HEALTHY, grant.due_at)


@in_full
async def test_a_departure_just_before_a_sign_in_at_facebook_erases_nothing(office: Office) -> None:
    person, _ = await connect_facebook(office)
    [grant] = await grants(office, "facebook")
    said = signed_request(META_SECRET, user_id=person, issued_at=int(time.time()) - 40)

    answers = [
        await post(office, path, data={"signed_request": said})
        for path in ("/meta/deauthorize", "/meta/data-deletion")
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    after = await becomes(office, "facebook", lambda found: found.generation > grant.generation)
    assert after.status == GrantStatus.HEALTHY
    assert after.access_sealed is not None


@in_full
async def test_a_word_that_could_not_be_acted_on_is_heard_when_it_comes_again(office: Office) -> None:
    await connect_tiktok(office)
    [grant] = await grants(office, "tiktok")
    raw, headers = removal(str(grant.external_id))
    fails = "CREATE TRIGGER full BEFORE UPDATE ON grant_ BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    await run_sql(office.database, fails)

    with capture_logs():  # the traceback is long
        answers = [(await post(office, "/tiktok/webhook", content=raw, headers=headers)).status_code]
    await run_sql(office.database, "DROP TRIGGER full")
    answers += [
        (await post(office, "/tiktok/webhook", content=raw, headers=headers)).status_code for _ in range(2)
    ]

    assert answers == [500, 200, 200]
    [after] = await grants(office, "tiktok")
    assert after.status == GrantStatus.NEEDS_RECONNECT


@in_full
async def test_a_late_removal_does_not_end_what_the_person_renewed_since(office: Office) -> None:
    await connect_tiktok(office)
    [grant] = await grants(office, "tiktok")
    raw, headers = removal(str(grant.external_id), ago_s=3600)

    answer = await post(office, "/tiktok/webhook", content=raw, headers=headers)

    assert answer.status_code == 200
    [after] = await grants(office, "tiktok")
    assert after.status == GrantStatus.HEALTHY


@in_full
async def test_reconnecting_afterwards_heals_the_grant(office: Office) -> None:
    ada = await connect_tiktok(office)
    await office.world.platforms["tiktok"].controls()["revoke"]({"person": "octa_demo", "reason": 1})
    message = await ada.command("reconnect")
    [link] = [e["url"] for b in message.blocks for e in b.get("elements", ()) if "url" in e]

    page = await ada.travel(link, Consent(person="octa_demo"))

    assert page.status == 200
    [grant] = await grants(office, "tiktok")
    assert (grant.status, grant.reason) == (GrantStatus.HEALTHY, "")
    assert "1 of 1 accounts can publish" in text_of(await ada.command("status"))
