"""The loopback consent screen and token endpoint, with everything that goes wrong there."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from google_accounts import Client

from crmsync.testing.google import AUTH, Cause, Consent, Fault, GoogleServer, Request, VirtualClock

READ = f"{AUTH}gmail.readonly"
CALENDAR = f"{AUTH}calendar.readonly"
BACK = "https://crm.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def google() -> GoogleServer:
    server = GoogleServer(clock=VirtualClock())
    server.account("me@acme.com")
    server.account("bob@acme.com")
    return server


def consent(google: GoogleServer, **changed: str) -> dict[str, str]:
    """Go through the consent screen, and return what comes back to the client."""
    asked = {
        "client_id": google.oauth.client.id, "redirect_uri": BACK, "response_type": "code", "state": "s-1",
        "scope": f"{READ} {CALENDAR}", "access_type": "offline", "prompt": "consent", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", **changed,
    }  # fmt: skip
    response = google.handle(Request("GET", f"/o/oauth2/v2/auth?{urlencode(asked)}"))
    assert 302 == response.status, response.body
    return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["Location"]).query).items()}


def exchange(google: GoogleServer, **fields: str) -> tuple[int, dict[str, Any]]:
    client = google.oauth.client
    said = {"client_id": client.id, "client_secret": client.secret, **fields}
    response = google.handle(Request("POST", "/token", {}, urlencode(said).encode()))
    return response.status, json.loads(response.body)


def redeem(google: GoogleServer, code: str, **changed: str) -> tuple[int, dict[str, Any]]:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    return exchange(google, **{**fields, **changed})


def refresh(google: GoogleServer, token: str) -> tuple[int, dict[str, Any]]:
    return exchange(google, grant_type="refresh_token", refresh_token=token)


def test_a_consent_comes_back_with_its_state_and_what_was_granted(google: GoogleServer) -> None:
    back = consent(google)
    status, tokens = redeem(google, back["code"])

    assert ("s-1", 200) == (back["state"], status)
    assert {READ, CALENDAR} == set(back["scope"].split()) == set(tokens["scope"].split())
    assert {"access_token", "refresh_token", "expires_in", "scope", "token_type"} == tokens.keys()
    assert "me@acme.com" == Client(google, token=tokens["access_token"]).mail("profile")["emailAddress"]


def test_the_person_may_be_another_untick_a_scope_or_say_no(google: GoogleServer) -> None:
    google.oauth.consent = Consent(address="bob@acme.com", unticked={CALENDAR})
    _, tokens = redeem(google, consent(google)["code"])
    google.oauth.consent = Consent(denied=True)

    assert READ == tokens["scope"]
    assert "bob@acme.com" == Client(google, token=tokens["access_token"]).mail("profile")["emailAddress"]
    assert {"state": "s-1", "error": "access_denied"} == consent(google)


def test_what_google_says_itself_never_comes_back(google: GoogleServer) -> None:
    google.oauth.client.redirect_uris = frozenset({BACK})
    for changed, said in (
        ({"client_id": "x"}, b"invalid_client"),
        ({"redirect_uri": "https://evil.example"}, b"mismatch"),
    ):
        asked = {"client_id": google.oauth.client.id, "redirect_uri": BACK, "response_type": "code", "scope": READ}
        response = google.handle(Request("GET", f"/o/oauth2/v2/auth?{urlencode({**asked, **changed})}"))
        assert 400 == response.status
        assert said in response.body
    google.oauth.consent = Consent(blocked=True)
    assert b"admin_policy_enforced" in google.handle(Request("GET", f"/o/oauth2/v2/auth?{urlencode(asked)}")).body


def test_a_code_is_good_once_for_ten_minutes_for_its_verifier_and_its_address(google: GoogleServer) -> None:
    code = consent(google)["code"]
    assert 200 == redeem(google, code)[0]
    assert (400, "invalid_grant") == (redeem(google, code)[0], redeem(google, code)[1]["error"])

    assert "invalid_grant" == redeem(google, consent(google)["code"], code_verifier="w" * 43)[1]["error"]
    assert "Missing code verifier." == redeem(google, consent(google)["code"], code_verifier="")[1]["error_description"]
    assert (
        "redirect_uri_mismatch" == redeem(google, consent(google)["code"], redirect_uri="https://x.example")[1]["error"]
    )
    old = consent(google)["code"]
    assert isinstance(google.clock, VirtualClock)
    google.clock.advance(601)
    assert 400 == redeem(google, old)[0]


def test_a_refresh_token_comes_with_the_first_consent_or_when_it_is_asked_for_again(google: GoogleServer) -> None:
    first = redeem(google, consent(google, prompt="")["code"])[1]
    second = redeem(google, consent(google, prompt="")["code"])[1]
    third = redeem(google, consent(google)["code"])[1]
    online = redeem(google, consent(google, access_type="online", login_hint="bob@acme.com")["code"])[1]

    assert [True, False, True, False] == ["refresh_token" in tokens for tokens in (first, second, third, online)]


def test_a_refresh_brings_an_access_token_and_no_new_refresh_token(google: GoogleServer) -> None:
    grant = google.oauth.grant("me@acme.com", frozenset({READ}))
    status, tokens = refresh(google, grant.refresh_token)

    assert (200, False) == (status, "refresh_token" in tokens)
    assert 200 == Client(google, token=tokens["access_token"]).call("/gmail/v1/users/me/profile").status


@pytest.mark.parametrize(
    ("cause", "status", "error"),
    [
        ("revoked", 400, "invalid_grant"), ("malformed", 400, "invalid_grant"), ("reauth", 400, "invalid_grant"),
        ("deleted", 400, "invalid_grant"), ("admin", 400, "admin_policy_enforced"),
        ("client deleted", 401, "deleted_client"), ("client disabled", 401, "disabled_client"),
    ],
)  # fmt: skip
def test_a_refresh_fails_for_every_cause_and_takes_the_access_tokens_along(
    google: GoogleServer, cause: Cause, status: int, error: str
) -> None:
    grant = google.oauth.grant("me@acme.com", frozenset({READ}))
    access = refresh(google, grant.refresh_token)[1]["access_token"]
    google.oauth.break_grants("me@acme.com", cause)
    said = refresh(google, grant.refresh_token)

    assert (status, error) == (said[0], said[1]["error"])
    assert ("invalid_rapt" if cause == "reauth" else None) == said[1].get("error_subtype")
    assert 401 == Client(google, token=access).call("/gmail/v1/users/me/profile").status


def test_a_client_that_does_not_know_its_secret_is_told_so(google: GoogleServer) -> None:
    status, said = exchange(google, client_secret="x", grant_type="refresh_token")

    assert (401, "invalid_client") == (status, said["error"])
    assert "unsupported_grant_type" == exchange(google, grant_type="password")[1]["error"]
    assert "invalid_grant" == refresh(google, "never given out")[1]["error"]


def test_a_busy_token_endpoint_is_no_refusal(google: GoogleServer) -> None:
    grant = google.oauth.grant("me@acme.com", frozenset({READ}))
    google.faults.add(Fault("oauth2.token", 503, "internal_failure", count=1))
    google.faults.add(Fault("oauth2.token", 429, "rate_limit_exceeded", retry_after=9, count=1))
    said = [refresh(google, grant.refresh_token) for _ in range(3)]

    assert [(503, "internal_failure"), (429, "rate_limit_exceeded"), (200, None)] == [
        (s, b.get("error")) for s, b in said
    ]


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_the_grant(google: GoogleServer, which: str) -> None:
    tokens = redeem(google, consent(google)["code"])[1]

    def revoke() -> int:
        return google.handle(Request("POST", "/revoke", {}, urlencode({"token": tokens[which]}).encode())).status

    assert [200, 400] == [revoke(), revoke()]
    assert "invalid_grant" == refresh(google, tokens["refresh_token"])[1]["error"]
    assert 401 == Client(google, token=tokens["access_token"]).call("/gmail/v1/users/me/profile").status


def test_an_identity_comes_signed_and_is_the_same_each_time(google: GoogleServer) -> None:
    tokens = redeem(google, consent(google, scope=f"openid {READ}")["code"])[1]
    claims = google.oauth.key.verified(tokens["id_token"])
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    person = json.loads(google.handle(Request("GET", "/oauth2/v3/userinfo", headers)).body)
    token = json.loads(google.handle(Request("GET", f"/tokeninfo?access_token={tokens['access_token']}")).body)

    assert claims is not None
    assert (claims["email"], claims["sub"]) == (person["email"], person["sub"])
    assert "me@acme.com" == token["email"]
    assert {"openid", READ} == set(token["scope"].split())
