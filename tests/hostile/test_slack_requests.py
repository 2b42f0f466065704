"""Requests that only look like Slack's: forged, old, malformed, or said by nobody."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.slack.delivery import FORM, sign
from sandbox.slack.world import ACME, ADA
from tests.application import Office
from tests.counts import in_full, tries
from tests.hostile.slack_side import Desk, changed, dump, listening, outcomes

JSON = "application/json"
SEEDS = tries(25, 5)
SECRETS = ("response-url-canary", "trigger-canary", "text-canary", "user-canary")
"""What a request carries that no log may show."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it stands on the wire."""

    body: bytes
    stamp: bytes | None
    signature: bytes | None
    content_type: bytes = FORM.encode()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with listening() as stream:
        yield stream


@pytest.fixture
async def http(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=office.world.app_url, trust_env=False) as client:
        yield client


async def post(http: httpx.AsyncClient, sent: Sent) -> httpx.Response:
    headers: list[tuple[bytes, bytes]] = [(b"Content-Type", sent.content_type)]
    if sent.stamp is not None:
        headers.append((b"X-Slack-Request-Timestamp", sent.stamp))
    if sent.signature is not None:
        headers.append((b"X-Slack-Signature", sent.signature))
    return await http.post("/slack/events", content=sent.body, headers=headers)


def signed(secret: str, body: str, *, offset_s: int = 0, content_type: str = FORM) -> Sent:
    stamp = str(int(time.time()) + offset_s)
    return Sent(body.encode(), stamp.encode(), sign(secret, stamp, body).encode(), content_type.encode())


def genuine(secret: str, chance: random.Random) -> Sent:
    """Return one of the requests a forger would like to make: each would change something."""
    number = chance.randrange(10**9)
    command = {
        "command": "/octapost",
        "text": f"org create text-canary {number}",
        "team_id": ACME,
        "user_id": ADA,
        "channel_id": "C0ACMESOC",
        "response_url": f"http://localhost:9/response-url-canary/{number}",
        "trigger_id": f"trigger-canary-{number}",
        "user_name": "user-canary",
    }
    press = {
        "type": "block_actions",
        "user": {"id": ADA, "team_id": ACME, "name": "user-canary"},
        "team": {"id": ACME},
        "channel": {"id": "C0ACMESOC"},
        "actions": [{"type": "button", "action_id": "connect.platform.x", "value": "x"}],
        "response_url": f"http://localhost:9/response-url-canary/{number}",
        "trigger_id": f"trigger-canary-{number}",
    }
    removal = {
        "type": "event_callback",
        "team_id": ACME,
        "event_id": f"Ev{number}",
        "event_time": int(time.time()) + 60,
        "event": {"type": "app_uninstalled", "text": "text-canary"},
    }
    kind = chance.randrange(3)
    if kind == 0:
        return signed(secret, urlencode(command))
    if kind == 1:
        return signed(secret, urlencode({"payload": json.dumps(press)}))
    return signed(secret, json.dumps(removal), content_type=JSON)


def flipped(given: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one bit of one of them changed."""
    where = chance.randrange(len(given))
    return given[:where] + bytes([given[where] ^ (1 << chance.randrange(7))]) + given[where + 1 :]


def other_digit(signature: bytes, chance: random.Random) -> bytes:
    """Return the signature with another digit in one place."""
    where = chance.randrange(3, len(signature))
    digit = chance.choice([d for d in b"0123456789abcdef" if d != signature[where]])
    return signature[:where] + bytes([digit]) + signature[where + 1 :]


def shifted(sent: Sent, seconds: int) -> Sent:
    assert sent.stamp is not None
    return replace(sent, stamp=str(int(sent.stamp) + seconds).encode())


def resigned(sent: Sent, secret: str, offset_s: int) -> Sent:
    """Return the request with a true signature of another moment."""
    body, content_type = sent.body.decode(), sent.content_type.decode()
    return signed(secret, body, offset_s=offset_s, content_type=content_type)


Mutation = Callable[[Sent, str, random.Random], Sent]
MUTATIONS: dict[str, Mutation] = {
    "a bit of the body": lambda s, _, r: replace(s, body=flipped(s.body, r)),
    "a digit of the signature": lambda s, _, r: replace(s, signature=other_digit(s.signature or b"", r)),
    "the body cut short": lambda s, _, r: replace(s, body=s.body[: r.randrange(len(s.body))]),
    "something after the body": lambda s, _, r: replace(s, body=s.body + b"&text=%d" % r.randrange(9999)),
    "another's body": lambda s, k, r: replace(s, body=genuine(k, r).body + b" "),
    "no body": lambda s, _, __: replace(s, body=b""),
    "no signature": lambda s, _, __: replace(s, signature=None),
    "an empty signature": lambda s, _, __: replace(s, signature=b""),
    "only the version": lambda s, _, __: replace(s, signature=b"v0="),
    "another version": lambda s, _, __: replace(s, signature=b"v1=" + (s.signature or b"")[3:]),
    "capitals": lambda s, _, __: replace(s, signature=(s.signature or b"").upper()),
    "half a signature": lambda s, _, r: replace(s, signature=(s.signature or b"")[: r.randrange(1, 60)]),
    "a signature by somebody else": lambda s, _, r: resigned(s, f"secret-{r.random()}", 0),
    "a signature with an empty secret": lambda s, _, __: resigned(s, "", 0),
    "letters that are no ASCII": lambda s, _, __: replace(s, signature="v0=é".encode() * 9),
    "no timestamp": lambda s, _, __: replace(s, stamp=None),
    "an empty timestamp": lambda s, _, __: replace(s, stamp=b""),
    "a timestamp of words": lambda s, _, r: replace(
        s, stamp=r.choice([b"now", b"NaN", b"1e9", b"0x1", b"1_0"])
    ),
    "a timestamp of other digits": lambda s, _, __: replace(
        s, stamp="\N{ARABIC-INDIC DIGIT ONE}".encode() * 10
    ),
    "a fraction of a second": lambda s, _, __: replace(s, stamp=(s.stamp or b"") + b".5"),
    "a negative time": lambda s, _, __: replace(s, stamp=b"-" + (s.stamp or b"")),
    "an endless number": lambda s, _, __: replace(s, stamp=b"9" * 5000),
    "a second later": lambda s, _, r: shifted(s, r.choice([-1, 1])),
    "signed too long ago": lambda s, k, r: resigned(s, k, -r.randrange(302, 10**6)),
    "signed in the future": lambda s, k, r: resigned(s, k, r.randrange(302, 10**6)),
}


async def test_a_changed_request_is_refused_and_nothing_of_it_is_logged(
    lines: io.StringIO,
    office: Office,
    http: httpx.AsyncClient,
    record_property: Callable[[str, object], None],
) -> None:
    await office.installed(ADA)
    secret, chance = office.world.signing_secret, random.Random(9)  # noqa: S311 - repeatable
    before, handled = await dump(office.database), outcomes()

    answers: list[tuple[str, int]] = []
    for name, mutate in MUTATIONS.items():
        for _ in range(SEEDS):
            answer = await post(http, mutate(genuine(secret, chance), secret, chance))
            answers.append((name, answer.status_code))

    assert {(name, status) for name, status in answers if status != 401} == set()
    assert outcomes() == handled
    assert changed(before, await dump(office.database)) == {}
    assert [secret for secret in SECRETS if secret in lines.getvalue()] == []
    assert len(answers) >= tries(500, 100)
    record_property("counted", f"forged Slack requests: {len(answers)} tried, 0 handled, 0 logged")


async def test_the_same_requests_unchanged_are_handled(office: Office, http: httpx.AsyncClient) -> None:
    await office.installed(ADA)
    secret, chance = office.world.signing_secret, random.Random(9)  # noqa: S311 - repeatable
    handled = outcomes()

    answers = [await post(http, genuine(secret, chance)) for _ in range(6)]

    assert {answer.status_code for answer in answers} == {200}
    assert sum(outcomes().values()) - sum(handled.values()) == 6


@in_full
@pytest.mark.parametrize("offset_s", [-299, 299])
async def test_a_clock_that_is_five_minutes_off_is_forgiven(
    office: Office, http: httpx.AsyncClient, offset_s: int
) -> None:
    await office.installed(ADA)
    body = urlencode({"command": "/octapost", "text": "help", "team_id": ACME, "user_id": ADA})

    answer = await post(http, signed(office.world.signing_secret, body, offset_s=offset_s))

    assert (answer.status_code, "Octapost keeps" in answer.text) == (200, True)


SHAPES = [
    (b"[]", JSON),
    (b"null", JSON),
    (b"7", JSON),
    (b'"text"', JSON),
    (b"[" * 100_000, JSON),
    (b'{"a":' * 50_000, JSON),
    (b'{"user":"text","authorizations":7}', JSON),
    (b'{"event":[],"team":[1],"enterprise":[2]}', JSON),
    (b"payload=[]", FORM),
    (b"payload=null", FORM),
    (b"payload=%7B", FORM),
    (b"payload=" + b"[" * 100_000, FORM),
    (b"\xff\xfe\x00", FORM),
    (b"text=%ff%00", FORM),
    (b"{}", "application/json; charset=utf-16"),
    (b"{}", "application/json; charset=none-such"),
    (b"{}", "multipart/form-data"),
]


async def test_a_body_of_any_shape_is_refused_before_it_is_read(
    lines: io.StringIO, office: Office, http: httpx.AsyncClient
) -> None:
    assert office.parts.routes
    stamp = str(int(time.time())).encode()

    statuses = [
        (await post(http, Sent(body, stamp, b"v0=" + b"0" * 64, content_type.encode()))).status_code
        for body, content_type in SHAPES
    ]

    assert statuses == [401] * len(SHAPES)
    assert "Traceback" not in lines.getvalue()


async def test_a_signed_request_that_names_nobody_is_answered_politely(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    before = await dump(office.database)

    command = desk.command(ADA, "connect x")
    nobody = await desk.send(command | {"user_id": ""}, user_id=ADA)
    press = desk.action(ADA, "connect.platform.x", "x")
    faceless = await desk.send(press | {"user": {}}, user_id=ADA)

    assert set(nobody.text.split("\n")) == set(faceless.text.split("\n"))
    assert "can't act on it for you" in nobody.text
    assert changed(before, await dump(office.database)) == {}
