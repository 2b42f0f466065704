"""Secrets that must not turn up: not in a log, not in the database, not in a message, however they are written."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import pytest
import structlog
from aiohttp import web
from rich.console import Console
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.ops import logs
from bot.slack.dispatch.dispatcher import Dispatcher
from bot.slack.routes import Answer, Done, Kind, Request, Route, Routes, Who
from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.slack.world import ACME, ADA
from sandbox.tour import Tour
from storage.accounts import Accounts
from tests.application import Office
from tests.counts import in_full
from tests.hostile.slack_side import Desk, dump, first_organization, listening

PARAMETERS = {
    "access_token", "client_secret", "code", "code_verifier", "fb_exchange_token", "id_token", "input_token",
    "nonce", "refresh_token", "state", "token",
}  # fmt: skip
"""What carries a secret between the app, Slack and the platforms."""
WORDS = {"authorization_code", "refresh_token", "access_token"}
SHORTEST = 16


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with listening("DEBUG") as stream:
        yield stream


def issued(office: Office) -> dict[str, str]:
    """Return every secret the world has given out or was shown, and what it is."""
    found: dict[str, str] = {}
    for name, platform in office.world.platforms.items():
        found |= dict.fromkeys(platform.codes, f"code of {name}")
        found |= {app.client_secret: f"client secret of {name}" for app in platform.apps.values()}
        for grant in platform.grants.values():
            found |= dict.fromkeys((*grant.access, *grant.refresh, *grant.spent), f"token of {name}")
        if isinstance(platform, MetaSimulator):
            found |= dict.fromkeys(platform.tokens, f"token of {name}")
    state = office.slack.state
    found |= dict.fromkeys((*state.tokens, *state.refresh_tokens, *state.codes), "token of Slack")
    found |= {code.nonce: "nonce" for code in state.codes.values() if code.nonce}
    for simulator in office.world.simulators:
        for request in simulator.requests:
            found |= {value: f"{name} sent to {simulator.name}" for name, value in sent(request)}
    settings = office.parts.settings
    found[settings.slack_client_secret.get_secret_value()] = "client secret of Slack"
    found[settings.slack_signing_secret.get_secret_value()] = "signing secret"
    found[settings.keys.split(":", 1)[1]] = "vault key"
    return {secret: what for secret, what in found.items() if len(secret) >= SHORTEST and secret not in WORDS}


def sent(request: Any) -> Iterable[tuple[str, str]]:
    """Return the secrets among a request's parameters, and its credentials."""
    parameters = [*request.query.items(), *parse_qsl(request.body)]
    yield from ((name, value) for name, value in parameters if name in PARAMETERS)
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if credentials:
        yield scheme, credentials


def fleeting(office: Office) -> dict[str, str]:
    """Return what is secret for minutes, and meant for one person's eyes in Slack: links, codes, addresses."""
    said = json.dumps(
        [message for history in office.slack.state.history.values() for message in map(vars_of, history)]
    )
    found = dict.fromkeys(re.findall(r"/connect/([\w-]{20,})", said), "ticket")
    found |= dict.fromkeys(office.slack.state.response_urls, "response_url")
    found |= dict.fromkeys(office.slack.state.triggers, "trigger_id")
    return found


def vars_of(message: Any) -> dict[str, Any]:
    return {"text": message.text, "blocks": message.blocks, "attachments": message.attachments}


def spellings(secret: str) -> set[bytes]:
    """Return the ways a secret may be written: as it is, in a URL, in hex, and inside of base64."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode(), raw.hex().encode()}
    found |= {raw.hex().upper().encode(), json.dumps(secret)[1:-1].encode()}
    for shift in range(3):
        whole = len(raw) - shift - (len(raw) - shift) % 3
        found.add(base64.b64encode(raw[shift : shift + whole]))
        found.add(base64.urlsafe_b64encode(raw[shift : shift + whole]))
    return found


def hits(haystack: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Return what of the secrets is in there."""
    return sorted({what for secret, what in secrets.items() if any(s in haystack for s in spellings(secret))})


async def stored(office: Office) -> bytes:
    """Return the whole database: SQLite's files as they are, and every row of every table."""
    url = office.parts.settings.database_url.get_secret_value()
    files = b""
    if office.database.dialect == "sqlite":
        path = urlsplit(url).path[1:]
        for end in ("", "-wal"):
            with open(path + end, "rb") as file:  # noqa: ASYNC230, PTH123 - a dump, as a thief makes it
                files += file.read()
    rows = await dump(office.database, whole=True)
    return files + "\n".join(cell for found in rows.values() for row in found for cell in row).encode()


def shown(office: Office) -> bytes:
    """Return everything anybody can see in Slack."""
    state = office.slack.state
    views = [view.payload for stack in state.modals.values() for view in stack]
    views += [view.payload for view in state.homes.values()]
    messages = [vars_of(m) for history in state.history.values() for m in history]
    return json.dumps([views, messages], ensure_ascii=False).encode()


def test_a_secret_is_found_however_it_is_written() -> None:
    secret = "q7_Zr-4/+kfW9==xT~0 aB"
    hidden = {
        "raw": f"token {secret}!".encode(),
        "url": f"?t={quote(secret, safe='')}&".encode(),
        "form": f"t={quote_plus(secret)}&".encode(),
        "hex": secret.encode().hex().encode(),
        "json": json.dumps({"t": secret}).encode(),
        **{f"base64 {n}": base64.b64encode(b"x" * n + secret.encode() + b"yz") for n in range(6)},
        **{f"base64url {n}": base64.urlsafe_b64encode(b"x" * n + secret.encode()) for n in range(6)},
    }

    assert {name for name, haystack in hidden.items() if not hits(haystack, {secret: "it"})} == set()
    assert hits(b"q7_Zr-4 and nothing else", {secret: "it"}) == []


async def test_no_secret_turns_up_in_logs_messages_or_the_database(
    lines: io.StringIO, either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    told = io.StringIO()
    assert await Tour(office.world, Console(file=told)).play() == 0, told.getvalue()
    assert await office.slack.open_home(ADA)

    secrets, passing = issued(office), fleeting(office)
    found = {
        "log": hits(lines.getvalue().encode(), secrets | passing),
        "database": hits(await stored(office), secrets | {k: v for k, v in passing.items() if v == "ticket"}),
        "Slack": hits(shown(office), secrets),
    }

    kinds = {what.split(" of ")[0].split(" sent ")[0] for what in secrets.values()}
    assert {"code", "token", "state", "code_verifier", "nonce", "client secret", "vault key"} <= kinds
    assert len(secrets) > 50
    assert len(passing) > 20
    assert lines.getvalue().count("consent.settled") >= 7
    assert found == {"log": [], "database": [], "Slack": []}
    record_property(
        "counted",
        f"canaries ({office.database.dialect}): {len(secrets) + len(passing)} secrets in six spellings,"
        " 0 in logs at DEBUG, Slack and the database",
    )


@in_full
async def test_a_platform_that_repeats_our_secrets_gets_none_into_a_log(
    lines: io.StringIO, office: Office, record_property: Callable[[str, object], None]
) -> None:
    ada = await office.installed(ADA)
    for platform, person in {"x": "4711", "tiktok": "octa_demo", "reddit": "octa_demo"}.items():
        await ada.connect(platform, Consent(person=person))
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    owner = await first_organization(office, ACME)
    secrets, tried = issued(office), 0
    for platform in ("x", "tiktok", "reddit"):
        simulator = office.world.platforms[platform]
        tokens = [t for grant in simulator.grants.values() for t in (*grant.access, *grant.refresh)]
        echo = f"Bearer {tokens[0]} refused; access_token={tokens[0]}&refresh_token={tokens[-1]}"
        elsewhere = {"Location": f"/elsewhere?token={tokens[0]}"}
        for fault in (
            Fault(
                status=400, body=json.dumps({"error": tokens[0], "error_description": echo, "message": echo})
            ),
            Fault(status=401, body=f"<html>{echo}</html>", content_type="text/html"),
            Fault(status=302, body=echo, headers=elsewhere),
            Fault(status=200, body=json.dumps([echo])),
        ):
            if platform != "x":  # a member gets ten links a minute
                continue
            fault.path = "^(?!.*authorize)"
            simulator.faults[:] = [fault]
            tried += 1
            page = await ada.travel(await ada.link(platform), Consent(person="4712"))
            assert page.origin == office.world.app_url
            assert not hits(page.html.encode(), secrets)
        simulator.faults[:] = [Fault(path=".", status=500, body=echo)]
        async with office.database.system(write=False) as session:
            [(account, _)] = await Accounts(session, office.parts.vault).all(owner.organization_id, platform)
        target = f"{owner.organization_id}/{account.id}"
        await desk.send(desk.action(ADA, "account.places", target))
        await desk.send(desk.submission(ADA, "account.disconnected", target))
        await office.parts.dispatcher.drain(10)
        simulator.faults.clear()

    secrets = issued(office)
    assert hits(lines.getvalue().encode(), secrets) == []
    assert hits(shown(office), secrets) == []
    record_property("counted", f"canaries: {tried + 3} answers that repeat tokens, 0 hits")


CONTEXTS: dict[str, Callable[[str], str]] = {
    "a URL": lambda t: f"GET https://api.example.com/me?access_token={t}&fields=id failed",
    "a callback": lambda t: f"/oauth/x/callback?state={t}&code={t}",
    "a form": lambda t: f"grant_type=refresh_token&refresh_token={t}&client_secret={t}&code_verifier={t}",
    "a header": lambda t: f"Authorization: Bearer {t}",
    "headers as Python prints them": lambda t: str({"Authorization": f"Bearer {t}", "Accept": "*/*"}),
    "JSON": lambda t: json.dumps({"access_token": t, "refresh_token": t, "id_token": t}),
    "JSON without spaces": lambda t: json.dumps({"access_token": t}, separators=(",", ":")),
    "a dictionary": lambda t: str({"code": t, "state": t, "token": t}),
    "a link of ours": lambda t: f"http://localhost:3000/connect/{t}",
}
"""How a token gets into the text of an exception."""


LIKE_WORDS = {
    "code that begins like a word": "s-Ac22fo-nnh3sI-EbBsPS6yrOU",
    "code that begins like two": "ab_cd-Xn7Qf3kLw9TzRb2Vm5Yp8",
    "code that begins like a sentence": "word.NnH3sI-EbBsPS6yrOU7Qf3",
}
"""One random token in a hundred begins like this. The masks leave error codes such as invalid_grant alone."""


def tokens_of(office: Office) -> dict[str, str]:
    """Return a token of each kind of each platform, as it is and as it stands in a URL."""
    plain = {
        f"{kind} of {name}": platform.new_token(kind)
        for name, platform in office.world.platforms.items()
        for kind in ("access", "refresh", "code")
    } | LIKE_WORDS
    return plain | {f"{name}, quoted": quote(token, safe="") for name, token in plain.items()}


async def test_an_exception_inside_a_handler_reaches_the_log_without_its_secrets(
    lines: io.StringIO, office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    tokens = tokens_of(office)
    told: dict[tuple[str, str], bool] = {}
    routes = Routes()

    nothing: dict[str, Answer] = {}

    async def crash(request: Request) -> Answer:
        context, name = request.words.split("|")
        words = CONTEXTS[context](tokens[name])
        try:
            return nothing[words]
        except KeyError as error:
            raise RuntimeError(words) from error

    async def late(request: Request) -> Answer:
        async def fail() -> None:
            raise RuntimeError(CONTEXTS["a form"](tokens["access of x"]))

        request.later.append(fail)
        return Done()

    async def unheard(request: Request) -> Answer:  # noqa: ARG001 - a handler
        raise RuntimeError(CONTEXTS["JSON"](tokens["access of x"]))

    routes.put(
        Route(
            kind=Kind.COMMAND,
            key="help",
            handler=crash,
            permission=Who.ANYONE,
            topic="Help",
            help="It fails.",
            changes=False,
        )
    )
    routes.put(Route(kind=Kind.SHORTCUT, key="late", handler=late, permission=Who.ANYONE, changes=True))
    routes.put(Route(kind=Kind.EVENT, key="user_change", handler=unheard, permission=Who.SLACK, changes=True))
    bolt = AsyncApp(
        signing_secret=office.world.signing_secret,
        authorize=_nobody,
        process_before_response=True,
        logger=logging.getLogger("slack_bolt"),
    )
    dispatcher = Dispatcher(routes, office.database, office.parts.slack_clients, office.parts.access)
    bolt.middleware(dispatcher)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")

    for context in CONTEXTS:
        for name, token in tokens.items():
            if context == "a link of ours" and not re.fullmatch(r"[\w-]+", token):
                continue
            body = desk.command(ADA, f"help {context}|{name}")
            answer = await bolt.async_dispatch(desk.signed(body))
            told[context, name] = (token in answer.body) or ("Something broke" not in answer.body)
    for body in (desk.event({"type": "user_change", "user": {"id": ADA}}), desk.shortcut(ADA, "late")):
        await bolt.async_dispatch(desk.signed(body))
    await dispatcher.drain(5)

    written = lines.getvalue()
    assert {key for key, wrong in told.items() if wrong} == set()
    assert written.count("RuntimeError") > len(told)
    assert "late_work.failed" in written
    assert "event.failed" in written
    assert {name for name, token in tokens.items() if token in written} == set()
    record_property(
        "counted", f"canaries: {len(told)} exceptions full of tokens, 0 in a traceback or an answer"
    )


async def _nobody(**_: object) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=None, bot_user_id="", bot_id="")


async def test_an_exception_in_a_browsers_request_reaches_the_log_without_its_secrets(
    lines: io.StringIO, office: Office
) -> None:
    secret = next(iter(tokens_of(office).values()))

    async def crash(request: web.Request) -> web.Response:
        raise RuntimeError(CONTEXTS["a callback"](request.query["code"]))

    app = web.Application()
    app.router.add_get("/oauth/x/callback", crash)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ada = await office.person(ADA)

    await ada.browser.open(
        f"http://127.0.0.1:{runner.addresses[0][1]}/oauth/x/callback?code={secret}&state={secret}"
    )
    await runner.cleanup()

    assert "RuntimeError" in lines.getvalue()
    assert secret not in lines.getvalue()


def test_what_an_operator_needs_to_read_is_not_masked(lines: io.StringIO) -> None:
    log = structlog.get_logger("octapost")
    log.warning("grant.not_revoked", code="invalid_grant", grant="grt_0123456789abcdef0123", platform="x")
    log.warning("view not shown", code="expired_trigger_id")
    log.warning("refused", code="190", state="needs_reconnect", status=429)
    log.warning("refused", code="user-suspended")

    written = lines.getvalue()

    assert logs.MASK not in written
    assert all(
        word in written
        for word in (
            "invalid_grant",
            "expired_trigger_id",
            "190",
            "grt_0123456789abcdef0123",
            "user-suspended",
        )
    )
