"""A stored token changes only for an answer that carries one (SECURITY: garbage instead of a token).

Every adapter gets every answer of `answers`, at the exchange and at the refresh. An answer may end in
new tokens or in one of the six verdicts, in nothing else; and only words that the platform documents
may end a grant.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from adapters.base import (
    Adapter,
    Busy,
    Client,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    Platform,
    PlatformError,
    Refresh,
    Rejected,
    TokenRefused,
    Tokens,
)
from adapters.numbers import LONGEST_LIFETIME, LONGEST_WAIT
from tests.contract.answers import ELSEWHERE, EVERY, GOOD, KEEPS_THE_OLD_ONE, NEXT, Answer
from tests.contract.wire import CODE, KEYS, VERIFIER, Wire, client_of, faults_of, tokens_for
from tests.platforms import PLATFORMS

SIX = (Busy, OutcomeUnknown, Rejected, TokenRefused, GrantDead, Misconfigured)
Act = Callable[[Adapter, Client], Awaitable[Tokens]]


async def exchange(adapter: Adapter, client: Client) -> Tokens:
    return await adapter.exchange(client, code=CODE, verifier=VERIFIER)


async def refresh(adapter: Adapter, client: Client) -> Tokens:
    return await adapter.refresh(client, tokens_for(client))


ACTS = pytest.mark.parametrize("act", [exchange, refresh])
EACH = pytest.mark.parametrize("key", KEYS)


def wrong_with_tokens(answer: Answer, tokens: Tokens) -> Iterator[str]:
    if not answer.good or tokens.access_token != GOOD:
        yield "something that is no token was taken for one"
    if tokens.refresh_token not in {None, NEXT}:
        yield "something that is no refresh token was taken for one"
    if answer in KEEPS_THE_OLD_ONE and tokens.refresh_token is not None:
        yield "the old refresh token would be overwritten"
    if tokens.expires_in is not None and not timedelta(0) < tokens.expires_in <= LONGEST_LIFETIME:
        yield f"lifetime {tokens.expires_in}"


def wrong_with_refusal(answer: Answer, error: PlatformError) -> Iterator[str]:
    yield from faults_of(error)
    if type(error) not in SIX or isinstance(error, GrantDead):
        yield f"verdict {error!r}"
    if answer.good:
        yield f"a good token refused: {error!r}"
    if error.retry_after is not None and error.retry_after <= timedelta(0):
        yield "a wait that is none"
    if error.retry_after is not None and error.retry_after > LONGEST_WAIT:
        yield f"a wait of {error.retry_after}"


async def judged(platform: Platform, act: Act, answer: Answer) -> list[str]:
    """Return what is wrong with how an adapter took `answer`."""
    wire = Wire(platform, answer)
    adapter = wire.adapter()
    try:
        tokens = await act(adapter, client_of(platform))
    except PlatformError as error:
        faults = list(wrong_with_refusal(answer, error))
    except Exception as error:  # noqa: BLE001 - a crash is what this looks for
        faults = [f"crashed with {type(error).__name__}"]
    else:
        faults = list(wrong_with_tokens(answer, tokens))
    if "CANARY" in repr(vars(adapter)):
        faults.append("a token was kept")
    if any(request.url.host == ELSEWHERE for request in wire.seen):
        faults.append("a redirect was followed")
    return [f"{answer.name}: {fault}" for fault in faults]


@EACH
@ACTS
async def test_only_a_good_answer_changes_a_token(
    key: str, act: Act, record_property: Callable[[str, object], None]
) -> None:
    faults = [fault for answer in EVERY for fault in await judged(PLATFORMS[key], act, answer)]

    assert faults == []
    good = sum(answer.good for answer in EVERY)
    counted = f"{len(EVERY)} token answers, {good} with a token in them, 0 of the others changed one"
    record_property("counted", f"{key}, {getattr(act, '__name__', '')}: {counted}")


def test_there_are_sixty_answers_and_none_twice() -> None:
    assert len({answer.name for answer in EVERY}) == len(EVERY) >= 60


def dead_answers(platform: Platform) -> list[tuple[str, Answer]]:
    """Return (code, answer) for every way in which a platform documents that a grant is over."""
    found: list[tuple[str, dict[str, object]]] = []
    for code in sorted(platform.dead_grant_codes):
        number, _, subcode = code.partition("_")
        if number.isdigit():  # Meta: the Graph API's error object
            error = {"message": "m", "type": "OAuthException", "code": int(number)}
            found.append((code, {"error": error | ({"error_subcode": int(subcode)} if subcode else {})}))
        else:
            found.append((code, {"error": code}))
    for code, words in platform.dead_grant_words.items():
        found.append((code, {"error": code, "error_description": f"Sorry. {words}"}))
    return [(code, Answer(name=code, content=json.dumps(b).encode(), status=400)) for code, b in found]


DEAD = [
    pytest.param(key, code, answer, id=f"{key}-{code}")
    for key in KEYS
    for code, answer in dead_answers(PLATFORMS[key])
]


@pytest.mark.parametrize(("key", "code", "answer"), DEAD)
async def test_a_documented_code_ends_the_grant_at_a_refresh_and_only_there(
    key: str, code: str, answer: Answer
) -> None:
    gone = Answer(name="invalid", content=b'{"data": {"is_valid": false}}')
    platform = PLATFORMS[key]
    client = client_of(platform)

    with pytest.raises(GrantDead) as ended:
        await refresh(Wire(platform, answer, otherwise=gone).adapter(), client)
    with pytest.raises(Rejected):
        await exchange(Wire(platform, answer, otherwise=gone).adapter(), client)
    assert ended.value.code == code


@pytest.mark.parametrize(("key", "code", "answer"), DEAD)
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_documented_code_in_an_outage_is_not_believed(
    key: str, code: str, answer: Answer, status: int
) -> None:
    platform = PLATFORMS[key]
    shaken = Answer(name=code, content=answer.content, status=status)

    with pytest.raises(Busy):
        await refresh(Wire(platform, shaken).adapter(), client_of(platform))


@EACH
async def test_a_code_that_needs_its_words_is_not_believed_without_them(key: str) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform)

    for code in platform.dead_grant_words:
        bare = Answer(name=code, content=json.dumps({"error": code}).encode(), status=400)
        with pytest.raises(PlatformError) as caught:
            await refresh(Wire(platform, bare).adapter(), client)
        assert not isinstance(caught.value, GrantDead)


@EACH
@ACTS
async def test_a_wrong_secret_is_our_fault(key: str, act: Act) -> None:
    platform = PLATFORMS[key]
    body: dict[str, object] = {"error": "invalid_client"}
    if platform.grant_family:
        words = "Error validating client secret."
        body = {"error": {"message": words, "type": "OAuthException", "code": 1}}
    answer = Answer(name="invalid_client", content=json.dumps(body).encode(), status=401)

    with pytest.raises(Misconfigured):
        await act(Wire(platform, answer).adapter(), client_of(platform))


@EACH
@ACTS
@pytest.mark.parametrize("trouble", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_a_request_that_never_left_changes_nothing(
    key: str, act: Act, trouble: type[httpx.TransportError]
) -> None:
    wire = Wire(PLATFORMS[key], broken=lambda request: trouble("no", request=request))

    with pytest.raises(Busy) as caught:
        await act(wire.adapter(), client_of(wire.platform))

    assert list(faults_of(caught.value)) == []


@EACH
@ACTS
@pytest.mark.parametrize(
    "trouble", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError]
)
async def test_a_lost_answer_is_unknown_where_it_may_have_burnt_something(
    key: str, act: Act, trouble: type[httpx.TransportError]
) -> None:
    platform = PLATFORMS[key]
    wire = Wire(platform, broken=lambda request: trouble("no", request=request))
    burns = act is exchange or platform.refresh is Refresh.SINGLE_USE

    with pytest.raises(OutcomeUnknown if burns else Busy) as caught:
        await act(wire.adapter(), client_of(platform))

    assert list(faults_of(caught.value)) == []
