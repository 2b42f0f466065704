from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.platforms.linkedin.sign_in import BAD_CODE, BAD_REFRESH
from sandbox.platforms.linkedin.simulator import LinkedInSimulator

REDIRECT = "https://bot.example.com/oauth/linkedin/callback"
MEMBER = "openid profile w_member_social"
PAGE = "r_basicprofile w_organization_social r_organization_social rw_organization_admin"
VERSIONED = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}


@pytest.fixture
async def sandbox() -> AsyncIterator[LinkedInSimulator]:
    sandbox = LinkedInSimulator()
    sandbox.register("member", "secret", [REDIRECT], MEMBER.split())
    sandbox.register("page", "secret", [REDIRECT])
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: LinkedInSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url) as http:
        yield http


def asking(app: str, scope: str, **changes: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": app,
        "redirect_uri": REDIRECT,
        "scope": scope,
        "state": "s",
    } | changes


async def sign_in(http: httpx.AsyncClient, app: str, scope: str, person: str = "ana-ruiz") -> str:
    answer = await http.post(
        "/oauth/v2/authorization",
        params=asking(app, scope),
        data={"person": person, "decision": "approve"},
    )
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]).params["code"]


async def post(http: httpx.AsyncClient, path: str, app: str, **form: str) -> httpx.Response:
    own = {"client_id": app, "client_secret": "secret"} | form
    return await http.post(f"/oauth/v2/{path}", data={k: v for k, v in own.items() if v})


async def redeem(http: httpx.AsyncClient, app: str, code: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT} | changes
    return await post(http, "accessToken", app, **form)


async def tokens(
    http: httpx.AsyncClient, app: str = "page", scope: str = PAGE, person: str = "ana-ruiz"
) -> dict[str, Any]:
    answer = await redeem(http, app, await sign_in(http, app, scope, person))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def get(http: httpx.AsyncClient, path: str, token: str, **headers: str) -> httpx.Response:
    return await http.get(path, headers=VERSIONED | {"Authorization": f"Bearer {token}"} | headers)


async def test_the_consent_page_shows_the_scopes_without_a_choice(http: httpx.AsyncClient) -> None:
    page = await http.get("/oauth/v2/authorization", params=asking("member", MEMBER))

    assert page.status_code == 200
    assert page.text.count("disabled") == 3


async def test_a_scope_without_a_product_sends_the_member_back(http: httpx.AsyncClient) -> None:
    answer = await http.get("/oauth/v2/authorization", params=asking("member", f"{MEMBER} r_basicprofile"))

    assert answer.status_code == 303
    assert dict(httpx.URL(answer.headers["location"]).params) == {
        "error": "unauthorized_scope_error",
        "error_description": "Scope &quot;r_basicprofile&quot; is not authorized for your application",
        "state": "s",
    }


async def test_a_product_can_be_switched_off(sandbox: LinkedInSimulator, http: httpx.AsyncClient) -> None:
    sandbox.settings["products_off"] = ["rw_organization_admin"]

    answer = await http.post(
        "/oauth/v2/authorization",
        params=asking("page", PAGE),
        data={"person": "ana-ruiz", "decision": "approve"},
    )

    assert httpx.URL(answer.headers["location"]).params["error"] == "unauthorized_scope_error"


async def test_it_may_also_leave_such_scopes_out(sandbox: LinkedInSimulator, http: httpx.AsyncClient) -> None:
    sandbox.settings |= {"products_off": ["rw_organization_admin"], "omits_scopes": True}

    body = await tokens(http)

    assert body["scope"] == "r_basicprofile,r_organization_social,w_organization_social"


async def test_a_callback_nobody_registered_gets_nothing(http: httpx.AsyncClient) -> None:
    asked = asking("member", "r_basicprofile", redirect_uri="https://evil.example/")

    answer = await http.get("/oauth/v2/authorization", params=asked)

    assert answer.status_code == 400


async def test_cancel_goes_back_with_linkedins_own_code(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/oauth/v2/authorization",
        params=asking("member", MEMBER),
        data={"person": "ana-ruiz", "decision": "cancel"},
    )

    params = httpx.URL(answer.headers["location"]).params
    assert (params["error"], params["state"]) == ("user_cancelled_authorize", "s")


async def test_the_token_answer_has_linkedins_shape(http: httpx.AsyncClient) -> None:
    body = await tokens(http, "member", MEMBER)

    assert set(body) == {"access_token", "expires_in", "scope", "token_type"}
    assert body["expires_in"] == 5_184_000
    assert body["scope"] == "openid,profile,w_member_social"
    assert len(body["access_token"]) > 450


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"code": "made-up"}, BAD_CODE, id="code"),
        pytest.param({"redirect_uri": "https://evil.example"}, BAD_CODE, id="redirect"),
        pytest.param(
            {"redirect_uri": ""}, 'A required parameter "redirect_uri" is missing', id="no-redirect"
        ),
    ],
)
async def test_a_bad_exchange_is_refused(
    http: httpx.AsyncClient, changes: dict[str, str], words: str
) -> None:
    code = await sign_in(http, "member", MEMBER)

    answer = await redeem(http, "member", **({"code": code} | changes))

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": words}


async def test_a_code_of_another_app_is_refused(http: httpx.AsyncClient) -> None:
    answer = await redeem(http, "page", await sign_in(http, "member", MEMBER))

    assert answer.status_code == 400


async def test_basic_authentication_is_refused(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "code": "c", "redirect_uri": REDIRECT}

    answer = await http.post("/oauth/v2/accessToken", data=form, auth=("member", "secret"))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_ordinary_app_cannot_refresh(http: httpx.AsyncClient) -> None:
    body = await tokens(http)

    answer = await post(
        http, "accessToken", "page", grant_type="refresh_token", refresh_token=body["access_token"]
    )

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": BAD_REFRESH}


async def test_a_partners_refresh_token_is_kept_and_not_extended(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    sandbox.settings["issues_refresh"] = True
    first = await tokens(http)
    sandbox.clock.offset_s = 59 * 86_400

    second = (
        await post(
            http, "accessToken", "page", grant_type="refresh_token", refresh_token=first["refresh_token"]
        )
    ).json()

    assert first["refresh_token_expires_in"] == pytest.approx(365 * 86_400, abs=5)
    assert second["refresh_token"] == first["refresh_token"]
    assert second["refresh_token_expires_in"] == pytest.approx(306 * 86_400, abs=30)
    assert second["access_token"] != first["access_token"]


async def test_the_same_scopes_leave_the_older_token_alive(http: httpx.AsyncClient) -> None:
    first = await tokens(http)
    await tokens(http)

    answer = await get(http, "/v2/me", first["access_token"])

    assert answer.status_code == 200


async def test_other_scopes_end_the_older_token_of_that_app_only(http: httpx.AsyncClient) -> None:
    member, first = await tokens(http, "member", MEMBER), await tokens(http)

    await tokens(http, scope="r_basicprofile")

    assert (await get(http, "/v2/me", first["access_token"])).json()["serviceErrorCode"] == 65601
    assert (await get(http, "/v2/userinfo", member["access_token"])).status_code == 200


async def test_introspection_tells_active_expired_and_revoked(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    token = (await tokens(http, "member", MEMBER))["access_token"]
    active = (await post(http, "introspectToken", "member", token=token)).json()
    sandbox.clock.offset_s = 61 * 86_400
    expired = (await post(http, "introspectToken", "member", token=token)).json()
    revoking = await post(http, "revoke", "member", token=token)

    revoked = (await post(http, "introspectToken", "member", token=token)).json()

    assert (revoking.status_code, revoking.content) == (200, b"")
    assert (active["active"], active["status"], active["auth_type"]) == (True, "active", "3L")
    assert active["scope"] == "openid,profile,w_member_social"
    assert (expired["active"], expired["status"]) == (False, "expired")
    assert (revoked["active"], revoked["status"]) == (False, "revoked")


async def test_introspection_tells_other_apps_nothing(http: httpx.AsyncClient) -> None:
    token = (await tokens(http, "member", MEMBER))["access_token"]

    other = await post(http, "introspectToken", "page", token=token)
    made_up = await post(http, "introspectToken", "page", token="made-up")
    wrong = await post(http, "introspectToken", "page", token=token, client_secret="wrong")

    assert other.json() == {"active": False}
    assert (made_up.status_code, wrong.status_code) == (400, 401)


async def test_userinfo_tells_what_the_scopes_open(http: httpx.AsyncClient) -> None:
    bare = (await get(http, "/v2/userinfo", (await tokens(http, scope="openid"))["access_token"])).json()
    full = (
        await get(http, "/v2/userinfo", (await tokens(http, scope="openid profile email"))["access_token"])
    ).json()

    assert set(bare) == {"sub"}
    assert (full["name"], full["given_name"], full["family_name"]) == ("Ana Ruiz", "Ana", "Ruiz")
    assert full["sub"] == bare["sub"]
    assert full["email_verified"] is True


async def test_a_member_has_another_id_in_another_app(http: httpx.AsyncClient) -> None:
    member = await get(http, "/v2/userinfo", (await tokens(http, "member", MEMBER))["access_token"])
    page = await get(http, "/v2/me", (await tokens(http))["access_token"])

    assert member.json()["sub"] != page.json()["id"]
    assert page.json()["vanityName"] == "ana-ruiz"


@pytest.mark.parametrize(
    ("token", "service"),
    [pytest.param("", 65604, id="empty"), pytest.param("made-up", 65600, id="unknown")],
)
async def test_a_bad_token_is_told_by_its_service_code(
    http: httpx.AsyncClient, token: str, service: int
) -> None:
    answer = await http.get("/v2/me", headers={"Authorization": f"Bearer {token}"} if token else {})

    assert answer.status_code == 401
    assert answer.json()["serviceErrorCode"] == service
    assert set(answer.json()) == {"status", "code", "message", "serviceErrorCode"}


async def test_an_expired_token_is_told_apart(sandbox: LinkedInSimulator, http: httpx.AsyncClient) -> None:
    token = (await tokens(http))["access_token"]
    sandbox.clock.offset_s = 61 * 86_400

    answer = await get(http, "/v2/me", token)

    assert answer.json()["code"] == "EXPIRED_ACCESS_TOKEN"


async def test_a_fresh_token_may_be_called_revoked_at_first(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    sandbox.settings["fresh_token_delay_s"] = 60
    token = (await tokens(http))["access_token"]
    early = await get(http, "/v2/me", token)
    sandbox.clock.offset_s = 61

    late = await get(http, "/v2/me", token)

    assert (early.status_code, early.json()["serviceErrorCode"]) == (401, 65601)
    assert late.status_code == 200


@pytest.mark.parametrize(
    "path", ["/v2/me", "/rest/organizationAcls?q=roleAssignee", "/rest/organizations/5515"]
)
async def test_a_scope_that_was_not_granted_is_denied(http: httpx.AsyncClient, path: str) -> None:
    answer = await get(http, path, (await tokens(http, "member", MEMBER))["access_token"])

    assert (answer.status_code, answer.json()["code"]) == (403, "ACCESS_DENIED")
    assert answer.json()["message"].startswith("Not enough permissions to access: ")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"LinkedIn-Version": ""}, 400, "VERSION_MISSING", id="missing"),
        pytest.param({"LinkedIn-Version": "202511"}, 426, "NONEXISTENT_VERSION", id="retired"),
        pytest.param({"LinkedIn-Version": "209901"}, 426, "NONEXISTENT_VERSION", id="future"),
        pytest.param({"LinkedIn-Version": "2026090"}, 426, "NONEXISTENT_VERSION", id="malformed"),
        pytest.param({"X-Restli-Protocol-Version": "1.0.0"}, 400, "ILLEGAL_ARGUMENT", id="protocol"),
    ],
)
async def test_rest_calls_need_a_live_version_and_the_protocol(
    http: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    token = (await tokens(http))["access_token"]

    answer = await get(http, "/rest/organizationAcls?q=roleAssignee", token, **headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_roles_come_in_pages_with_a_link_to_the_next(http: httpx.AsyncClient) -> None:
    token = (await tokens(http, person="big-holding"))["access_token"]
    path = "/rest/organizationAcls?q=roleAssignee&start=0&count=20"

    seen, sizes = [], []
    while path:
        body = (await get(http, path, token)).json()
        seen += [element["organizationTarget"] for element in body["elements"]]
        sizes.append(len(body["elements"]))
        path = next((link["href"] for link in body["paging"]["links"] if link["rel"] == "next"), "")

    assert sizes == [20, 20, 5]
    assert len(set(seen)) == 45


async def test_roles_are_filtered_and_named_by_the_form_of_the_request(http: httpx.AsyncClient) -> None:
    token = (await tokens(http))["access_token"]

    mine = (await get(http, "/rest/organizationAcls?q=roleAssignee", token)).json()["elements"]
    analyst = (await get(http, "/rest/organizationAcls?q=roleAssignee&role=ANALYST", token)).json()[
        "elements"
    ]
    asked = (await get(http, "/rest/organizationAcls?q=roleAssignee&state=REQUESTED", token)).json()[
        "elements"
    ]

    assert [element["role"] for element in mine] == ["ADMINISTRATOR", "ADMINISTRATOR", "ANALYST"]
    assert [element["organization"] for element in analyst] == ["urn:li:organization:5517"]
    assert asked == []


@pytest.mark.parametrize("query", ["", "q=roleAssignee&count=101", "q=roleAssignee&start=-1&count=x"])
async def test_a_malformed_finder_is_refused(http: httpx.AsyncClient, query: str) -> None:
    answer = await get(http, f"/rest/organizationAcls?{query}", (await tokens(http))["access_token"])

    assert (answer.status_code, answer.json()["code"]) == (400, "ILLEGAL_ARGUMENT")


@pytest.mark.parametrize(
    ("organization", "status"), [("5515", 200), ("5517", 200), ("7001", 403), ("99", 404), ("x", 404)]
)
async def test_a_page_is_shown_to_people_with_a_role(
    http: httpx.AsyncClient, organization: str, status: int
) -> None:
    token = (await tokens(http))["access_token"]

    answer = await get(http, f"/rest/organizations/{organization}", token)

    assert answer.status_code == status
    assert ("localizedName" in answer.json()) == (status == 200)
