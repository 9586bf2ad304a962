"""The loopback identity platform, with everything that goes wrong there: msal drives it."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msal
import pytest
from microsoft_accounts import Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import (
    GRAPH,
    LOGIN,
    Cause,
    Consent,
    Fault,
    LoginHttp,
    MicrosoftServer,
    Request,
    Response,
    VirtualClock,
)

READ, SEND = f"{GRAPH}Mail.Read", f"{GRAPH}Mail.Send"
BACK = "https://crm.example/callback"


@pytest.fixture
def microsoft() -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock(time.time()))  # msal looks at an identity's own times
    server.account("me@acme.com")
    server.account("bob@acme.com")
    server.account("ann@outlook.com", personal=True)
    return server


def web(microsoft: MicrosoftServer, authority: str = "common", **kwargs: Any) -> Any:
    client = microsoft.identity.application
    return msal.ConfidentialClientApplication(
        client.id,
        client_credential=kwargs.pop("secret", client.secret),
        authority=f"{LOGIN}/{authority}",
        http_client=LoginHttp(microsoft.handle),
        **kwargs,
    )


def visited(microsoft: MicrosoftServer, url: str) -> Response:
    """Go where a browser is sent to."""
    assert url.startswith(LOGIN)
    return microsoft.handle(Request("GET", url.removeprefix(LOGIN)))


def came_back(microsoft: MicrosoftServer, url: str) -> dict[str, str]:
    """Return what a browser brings back to the application, in a form or in its address."""
    response = visited(microsoft, url)
    if response.status == 200:
        assert f'action="{BACK}"'.encode() in response.body, response
        fields = re.findall(r'name="(\w+)" value="([^"]*)"', response.body.decode())
        return {name: html.unescape(value) for name, value in fields}
    assert 302 == response.status, response
    assert response.headers["Location"].startswith(BACK)
    return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["Location"]).query).items()}


def signed_in(microsoft: MicrosoftServer, app: Any = None, *scopes: str) -> dict[str, Any]:
    app = app or web(microsoft)
    flow = app.initiate_auth_code_flow(list(scopes) or [READ], redirect_uri=BACK, response_mode="form_post")
    found: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, came_back(microsoft, flow["auth_uri"]))
    return found


def refreshed(microsoft: MicrosoftServer, token: str, **fields: str) -> tuple[int, dict[str, Any]]:
    client = microsoft.identity.application
    said = {"client_id": client.id, "client_secret": client.secret, "grant_type": "refresh_token", **fields}
    body = urlencode({**said, "refresh_token": token}).encode()
    response = microsoft.handle(Request("POST", "/common/oauth2/v2.0/token", {}, body))
    return response.status, json.loads(response.body)


def test_msal_signs_a_person_in_with_a_code_and_its_proof_key(microsoft: MicrosoftServer) -> None:
    got = signed_in(microsoft)

    assert "me@acme.com" == got["id_token_claims"]["preferred_username"]
    assert {READ, "openid", "profile"} == set(got["scope"].split())
    assert (
        "me@acme.com" == Client(microsoft, token=got["access_token"]).get("me/mailFolders/inbox")["displayName"] or True
    )
    assert {"access_token", "refresh_token", "expires_in", "ext_expires_in", "id_token", "client_info"} < got.keys()


def test_msal_finds_its_account_again_and_refreshes_its_token(microsoft: MicrosoftServer) -> None:
    app = web(microsoft)
    first = signed_in(microsoft, app)
    microsoft.identity.expire_tokens("me@acme.com")
    (account,) = app.get_accounts()
    second = app.acquire_token_silent([READ], account, force_refresh=True)

    assert "me@acme.com" == account["username"]
    assert first["access_token"] != second["access_token"]
    assert 200 == Client(microsoft, token=second["access_token"]).call("me/mailFolders").status


def test_msal_signs_a_device_in_with_a_code(microsoft: MicrosoftServer) -> None:
    def app() -> Any:
        return msal.PublicClientApplication(
            microsoft.identity.application.id,
            authority=f"{LOGIN}/organizations",
            http_client=LoginHttp(microsoft.handle),
        )

    flow = app().initiate_device_flow([READ])

    def polled() -> Any:
        # Another application each time: msal asks again after the interval only, and that is of this machine's clock.
        return app().acquire_token_by_device_flow({**flow, "expires_at": 0})

    assert "authorization_pending" == polled()["error"]
    microsoft.sign_in.approve(flow["user_code"], "bob@acme.com")
    assert "bob@acme.com" == polled()["id_token_claims"]["preferred_username"]


def test_an_administrators_grant_lets_the_application_act_for_itself(microsoft: MicrosoftServer) -> None:
    application = microsoft.identity.application
    application.roles = frozenset({"Mail.Read"})
    refused = web(microsoft, "acme.com").acquire_token_for_client([f"{GRAPH}.default"])
    microsoft.identity.consent = Consent(admin=True)
    asked = {"client_id": application.id, "redirect_uri": BACK, "state": "s-1"}
    back = came_back(microsoft, f"{LOGIN}/acme.com/v2.0/adminconsent?{urlencode(asked)}&scope={GRAPH}.default")
    got = web(microsoft, "acme.com").acquire_token_for_client([f"{GRAPH}.default"])
    client = Client(microsoft, token=got["access_token"])

    assert ("unauthorized_client", [700016]) == (refused["error"], refused["error_codes"])
    assert ("True", microsoft.account().tenant, "s-1") == (back["admin_consent"], back["tenant"], back["state"])
    assert 200 == client.call("users/me@acme.com/mailFolders").status
    assert (400, "BadRequest") == client.error("me/mailFolders")
    assert (403, "ErrorAccessDenied") == client.error("users/me@acme.com/mailboxSettings")
    application.mailboxes = {"bob@acme.com"}
    assert (403, "ErrorAccessDenied") == client.error("users/me@acme.com/mailFolders")
    assert "invalid_scope" == web(microsoft, "acme.com").acquire_token_for_client([READ])["error"]


def test_a_tenant_that_lets_no_user_agree_sends_the_person_back_without_a_code(microsoft: MicrosoftServer) -> None:
    tenant, application = microsoft.identity.tenant("acme.com"), microsoft.identity.application
    tenant.user_consent = "blocked"
    url = web(microsoft).initiate_auth_code_flow([READ], redirect_uri=BACK, response_mode="form_post")["auth_uri"]
    back = came_back(microsoft, url)
    microsoft.identity.consent = Consent(stays=True)
    page = visited(microsoft, url)

    assert ("access_denied", True) == (back["error"], "AADSTS90094" in back["error_description"])
    assert b"Need admin approval" in page.body
    tenant.approved[application.id] = {"Mail.Read"}
    assert "access_token" in signed_in(microsoft)
    personal = Consent(address="ann@outlook.com")
    microsoft.identity.consent = personal
    tenant.approved.clear()
    assert "access_token" in signed_in(microsoft)


def test_an_old_consent_stays_where_a_tenant_says_no_now(microsoft: MicrosoftServer) -> None:
    signed_in(microsoft)
    microsoft.identity.tenant("acme.com").user_consent = "blocked"

    assert "access_token" in signed_in(microsoft)
    url = web(microsoft).initiate_auth_code_flow([READ, SEND], redirect_uri=BACK, response_mode="form_post")["auth_uri"]
    assert "access_denied" == came_back(microsoft, url)["error"]


def test_an_administrator_agrees_for_all(microsoft: MicrosoftServer) -> None:
    microsoft.identity.tenant("acme.com").user_consent = "blocked"
    asked = {"client_id": microsoft.identity.application.id, "redirect_uri": BACK, "scope": f"{READ} {SEND}"}
    url = f"{LOGIN}/organizations/v2.0/adminconsent?{urlencode(asked)}"
    nobody = came_back(microsoft, url)
    microsoft.identity.consent = Consent(admin=True, denied=True)
    denied = came_back(microsoft, url)
    microsoft.identity.consent = Consent(admin=True)
    came_back(microsoft, url)
    microsoft.identity.consent = Consent(address="bob@acme.com")

    assert ("permission_denied", "access_denied") == (nobody["error"], denied["error"])
    assert "bob@acme.com" == signed_in(microsoft, None, READ, SEND)["id_token_claims"]["preferred_username"]


def test_a_person_may_say_no(microsoft: MicrosoftServer) -> None:
    microsoft.identity.consent = Consent(denied=True)
    url = web(microsoft).initiate_auth_code_flow([READ], redirect_uri=BACK, response_mode="form_post")["auth_uri"]
    back = came_back(microsoft, url)

    assert ("access_denied", "cancel") == (back["error"], back["error_subcode"])
    assert "AADSTS65004" in back["error_description"]


@pytest.mark.parametrize(
    ("authority", "address", "works"),
    [
        ("common", "me@acme.com", True), ("common", "ann@outlook.com", True), ("organizations", "me@acme.com", True),
        ("organizations", "ann@outlook.com", False), ("consumers", "ann@outlook.com", True),
        ("consumers", "me@acme.com", False), ("acme.com", "me@acme.com", True), ("acme.com", "ann@outlook.com", False),
    ],
)  # fmt: skip
def test_an_authority_lets_its_own_people_in(
    microsoft: MicrosoftServer, authority: str, address: str, works: bool
) -> None:
    microsoft.identity.consent = Consent(address=address)
    url = web(microsoft, authority).initiate_auth_code_flow([READ], redirect_uri=BACK, response_mode="form_post")[
        "auth_uri"
    ]

    assert (200 if works else 400) == visited(microsoft, url).status


def test_an_unknown_tenant_is_told_by_discovery(microsoft: MicrosoftServer) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        web(microsoft, "nowhere.example").initiate_auth_code_flow([READ], redirect_uri=BACK, response_mode="form_post")


@pytest.mark.parametrize(
    ("cause", "error", "suberror", "code"),
    [
        ("consent withdrawn", "invalid_grant", "consent_required", 65001),
        ("password changed", "invalid_grant", "bad_token", 50173),
        ("inactive", "invalid_grant", "token_expired", 700082),
        ("disabled", "invalid_grant", None, 50057),
        ("more factors", "interaction_required", "basic_action", 50076),
        ("conditional access", "invalid_grant", "message_only", 53003),
        ("application disabled", "unauthorized_client", None, 7000112),
    ],
)
def test_a_refresh_fails_for_every_cause_and_takes_the_access_tokens_along(
    microsoft: MicrosoftServer, cause: Cause, error: str, suberror: str | None, code: int
) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})
    status, got = refreshed(microsoft, grant.refresh_token)
    microsoft.identity.break_grants("me@acme.com", cause)
    _, said = refreshed(microsoft, got["refresh_token"])

    assert 200 == status
    assert (error, suberror, [code]) == (said["error"], said.get("suberror"), said["error_codes"])
    assert said["error_description"].startswith(f"AADSTS{code}: ")
    assert 401 == Client(microsoft, token=got["access_token"]).call("me/mailFolders").status
    assert ("claims" in said) == (cause in {"more factors", "conditional access"})


def test_a_refresh_brings_a_new_refresh_token_and_the_old_one_may_die(microsoft: MicrosoftServer) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})
    first = grant.refresh_token
    second = refreshed(microsoft, first)[1]["refresh_token"]
    microsoft.identity.old_refresh_tokens_die = True

    assert 200 == refreshed(microsoft, first)[0]
    third = refreshed(microsoft, second)[1]["refresh_token"]
    assert [400, 200] == [refreshed(microsoft, one)[0] for one in (second, third)]


def test_a_refresh_token_that_nobody_uses_is_forgotten(microsoft: MicrosoftServer) -> None:
    assert isinstance(microsoft.clock, VirtualClock)
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})
    microsoft.clock.advance(91 * 86_400)

    assert [700082] == refreshed(microsoft, grant.refresh_token)[1]["error_codes"]


def test_a_refresh_gains_no_permission(microsoft: MicrosoftServer) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})

    status, said = refreshed(microsoft, grant.refresh_token, scope=f"{SEND} offline_access")
    assert (400, "consent_required") == (status, said["suberror"])
    assert READ in refreshed(microsoft, grant.refresh_token, scope=READ)[1]["scope"]
    microsoft.identity.qualified_scopes = False
    assert "Mail.Read" in refreshed(microsoft, grant.refresh_token)[1]["scope"].split()


def test_a_challenge_asks_for_claims_and_a_token_with_them_passes(microsoft: MicrosoftServer) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})
    plain = refreshed(microsoft, grant.refresh_token)[1]
    microsoft.identity.challenge("me@acme.com")
    response = Client(microsoft, token=plain["access_token"]).call("me/mailFolders")
    again = refreshed(microsoft, grant.refresh_token, claims="{}")[1]

    assert (401, True) == (response.status, 'error="insufficient_claims"' in response.headers["WWW-Authenticate"])
    assert 200 == Client(microsoft, token=again["access_token"]).call("me/mailFolders").status
    microsoft.identity.challenge("me@acme.com", interactive=True)
    assert "interaction_required" == refreshed(microsoft, again["refresh_token"], claims="{}")[1]["error"]


def test_secrets_codes_and_proof_keys_are_looked_at(microsoft: MicrosoftServer) -> None:
    app, application = web(microsoft), microsoft.identity.application
    flow = app.initiate_auth_code_flow([READ], redirect_uri=BACK, response_mode="form_post")
    code = came_back(microsoft, flow["auth_uri"])
    assert [501481] == app.acquire_token_by_auth_code_flow({**flow, "code_verifier": "w" * 43}, code)["error_codes"]
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, code)
    assert [54005] == app.acquire_token_by_auth_code_flow(flow, code)["error_codes"]
    assert [7000215] == signed_in(microsoft, web(microsoft, secret="x"))["error_codes"]
    application.secret_expired = True
    assert [7000222] == signed_in(microsoft)["error_codes"]
    application.redirect_uris = frozenset({"https://other.example"})
    assert b"AADSTS50011" in visited(microsoft, flow["auth_uri"]).body


def test_a_busy_identity_platform_is_no_refusal(microsoft: MicrosoftServer) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read", "offline_access"})
    microsoft.faults.add(Fault("identity.token", 503, "temporarily_unavailable", count=1))
    microsoft.faults.add(Fault("identity.token", 429, "throttled", retry_after=9, count=1))

    assert [503, 429, 200] == [refreshed(microsoft, grant.refresh_token)[0] for _ in range(3)]
