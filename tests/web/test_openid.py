"""What proves who is there, and what doesn't: ID tokens one change away from a good one."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import httpx
import pytest
from aiohttp import web
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from adapters.registry import REGISTRY
from bot.settings import Settings
from bot.web.openid import NotProved, Person, SignInWithSlack, Unreachable
from sandbox.browser import PLAIN
from storage.models import digest
from storage.vault import KeyRing

CLIENT = "111.222"
NONCE = "a-nonce-of-ours"
OURS = RSAKey.generate_key(2048, parameters={"kid": "one"})
THEIRS = RSAKey.generate_key(2048, parameters={"kid": "one"})
NEWER = RSAKey.generate_key(2048, parameters={"kid": "two"})


class Keys:
    """Slack's page of keys."""

    def __init__(self) -> None:
        self.published: Any = [OURS]
        self.asked = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if isinstance(self.published, int):
            return web.Response(status=self.published)
        if isinstance(self.published, str):
            return web.Response(text=self.published)
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.published]})


@pytest.fixture
async def keys() -> AsyncIterator[tuple[Keys, str]]:
    found = Keys()
    application = web.Application()
    application.add_routes([web.get("/openid/connect/keys", found.answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield found, f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def slack(keys: tuple[Keys, str]) -> AsyncIterator[SignInWithSlack]:
    settings = Settings.from_env(
        {
            "OCTAPOST_PUBLIC_URL": "https://bot.example.com",
            "OCTAPOST_VAULT_KEYS": KeyRing.generate(),
            "OCTAPOST_SLACK_CLIENT_ID": CLIENT,
            "OCTAPOST_SLACK_CLIENT_SECRET": "secret",
            "OCTAPOST_SLACK_SIGNING_SECRET": "a-signing-secret-of-some-length",
            "OCTAPOST_SLACK_WEB_URL": keys[1],
        },
        REGISTRY,
    )
    async with httpx.AsyncClient(verify=PLAIN, trust_env=False) as http:
        yield SignInWithSlack(settings, None, http)  # type: ignore[arg-type]


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {
        "iss": "https://slack.com",
        "sub": "U0ADA",
        "aud": CLIENT,
        "exp": now + 300,
        "iat": now,
        "nonce": NONCE,
        "https://slack.com/team_id": "T0ACME",
        "https://slack.com/user_id": "U0ADA",
    } | changes
    return {name: value for name, value in found.items() if value is not None}


def forged(alg: str, sign: Callable[[bytes], bytes]) -> str:
    """A token made by hand, which no library would make."""
    head = [json.dumps(part).encode() for part in ({"alg": alg, "kid": "one"}, claims())]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in head)
    return (text + b"." + base64.urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


def mac(secret: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, text, "sha256")


def signed(given: dict[str, Any], key: RSAKey = OURS, alg: str = "RS256", **header: str) -> str:
    registry = JWSRegistry(algorithms=[alg])
    return jwt.encode({"alg": alg, "kid": "one"} | header, given, key, algorithms=[alg], registry=registry)


async def test_a_good_token_names_the_person(slack: SignInWithSlack) -> None:
    assert await slack.verify(signed(claims()), digest(NONCE)) == Person(user_id="U0ADA", team_id="T0ACME")


@pytest.mark.parametrize("skew", [-59, 59])
async def test_clocks_may_be_a_minute_apart(slack: SignInWithSlack, skew: int) -> None:
    now = int(time.time())
    token = signed(claims(iat=now + max(skew, 0) - 1, exp=now + min(skew, 0) + 1))

    assert (await slack.verify(token, digest(NONCE))).user_id == "U0ADA"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://evil.example"}, id="another-issuer"),
        pytest.param({"iss": "https://slack.com/"}, id="almost-the-issuer"),
        pytest.param({"iss": None}, id="no-issuer"),
        pytest.param({"iss": ["https://slack.com"]}, id="issuer-in-a-list"),
        pytest.param({"aud": "999.999"}, id="for-another-app"),
        pytest.param({"aud": None}, id="for-nobody"),
        pytest.param({"aud": [CLIENT, "999.999"]}, id="for-another-app-too"),
        pytest.param({"aud": []}, id="for-an-empty-list"),
        pytest.param({"exp": 1}, id="long-over"),
        pytest.param({"exp": int(time.time()) - 120}, id="just-over"),
        pytest.param({"exp": None}, id="without-an-end"),
        pytest.param({"exp": "never"}, id="an-end-that-is-no-time"),
        pytest.param({"iat": int(time.time()) + 3600}, id="from-the-future"),
        pytest.param({"iat": None}, id="without-a-beginning"),
        pytest.param({"nonce": "another-trips-nonce"}, id="another-trips-nonce"),
        pytest.param({"nonce": None}, id="no-nonce"),
        pytest.param({"nonce": [NONCE]}, id="nonce-in-a-list"),
        pytest.param({"https://slack.com/user_id": None}, id="nobody"),
        pytest.param({"https://slack.com/user_id": ""}, id="an-empty-person"),
        pytest.param({"https://slack.com/user_id": ["U0ADA"]}, id="a-list-of-people"),
        pytest.param({"https://slack.com/team_id": None}, id="no-workspace"),
    ],
)
async def test_one_wrong_claim_proves_nothing(slack: SignInWithSlack, changes: dict[str, Any]) -> None:
    with pytest.raises(NotProved):
        await slack.verify(signed(claims(**changes)), digest(NONCE))


async def test_a_signature_of_somebody_else_proves_nothing(slack: SignInWithSlack) -> None:
    with pytest.raises(NotProved):
        await slack.verify(signed(claims(), THEIRS), digest(NONCE))


async def test_a_token_that_was_altered_proves_nothing(slack: SignInWithSlack) -> None:
    header, body, signature = signed(claims()).split(".")
    other = signed(claims(sub="U0OTTO")).split(".")[1]

    for token in (
        f"{header}.{other}.{signature}",
        f"{header}.{body}.{signature[:-8]}AAAAAAAA",
        f"{header}.{body}.",
    ):
        with pytest.raises(NotProved):
            await slack.verify(token, digest(NONCE))


async def test_the_public_key_is_no_shared_secret(slack: SignInWithSlack) -> None:
    """The classic confusion: HS256 with the RSA public key's bytes as the secret."""
    modulus = base64.urlsafe_b64decode(str(OURS.as_dict(private=False)["n"]) + "==")
    for secret in (OURS.as_pem(private=False), OURS.as_der(private=False), modulus, b"secret"):
        token = forged("HS256", partial(mac, secret))
        with pytest.raises(NotProved):
            await slack.verify(token, digest(NONCE))


async def test_an_unsigned_token_proves_nothing(slack: SignInWithSlack) -> None:
    for alg in ("none", "None", "NONE", ""):
        with pytest.raises(NotProved):
            await slack.verify(forged(alg, lambda _text: b""), digest(NONCE))


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
async def test_no_other_algorithm_is_tried(slack: SignInWithSlack, alg: str) -> None:
    with pytest.raises(NotProved):
        await slack.verify(signed(claims(), alg=alg), digest(NONCE))


@pytest.mark.parametrize("raw", [None, 7, "", "a", "a.b.c", "..", "a.b.c.d.e", "é.é.é", {"id_token": "x"}])
async def test_what_is_no_token_proves_nothing(slack: SignInWithSlack, raw: object) -> None:
    with pytest.raises(NotProved):
        await slack.verify(raw, digest(NONCE))


@pytest.mark.parametrize("payload", [b"[" * 30_000, b"", b"[]", b"\xff", b'{"aud": {}}'])
async def test_what_is_signed_but_holds_no_claims_proves_nothing(
    slack: SignInWithSlack, payload: bytes
) -> None:
    token = jws.serialize_compact({"alg": "RS256", "kid": "one"}, payload, OURS)

    with pytest.raises(NotProved):
        await slack.verify(token, digest(NONCE))


async def test_keys_are_read_once_and_anew_when_slack_changed_them(
    slack: SignInWithSlack, keys: tuple[Keys, str]
) -> None:
    page, _ = keys
    for _ in range(3):
        await slack.verify(signed(claims()), digest(NONCE))
    before = page.asked
    page.published = [NEWER]

    person = await slack.verify(signed(claims(), NEWER, kid="two"), digest(NONCE))

    assert person.user_id == "U0ADA"
    assert (before, page.asked) == (1, 2)
    with pytest.raises(NotProved):
        await slack.verify(signed(claims(), NEWER, kid="three"), digest(NONCE))
    with pytest.raises(NotProved):
        await slack.verify(signed(claims(), OURS), digest(NONCE))


@pytest.mark.parametrize("published", [503, 404, "<html>", "[]", '{"keys": []}', '{"keys": "x"}', "{}"])
async def test_without_slacks_keys_nothing_is_decided(
    slack: SignInWithSlack, keys: tuple[Keys, str], published: object
) -> None:
    keys[0].published = published

    with pytest.raises(Unreachable):
        await slack.verify(signed(claims()), digest(NONCE))
