"""Access tokens, their refresh and their end, and an administrator's delegation, at a loopback Google."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google_worlds import ALL, ME, advance, app_of, connect, expired, server

from crmsync.errors import CrmSyncError, NeedsAdmin, NotAuthorized, RateLimited, Unavailable
from crmsync.providers.google.oauth import (
    account_tokens,
    delegated_tokens,
    refreshed,
    revoke,
    scopes_for,
)
from crmsync.providers.web.tokens import AccountTokens, MemoryTokens, Tokens
from crmsync.testing.google import Fault, GoogleServer


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with server() as made:
        made.account(ME)
        yield made


@pytest.fixture
def google_now() -> Iterator[GoogleServer]:
    """google-auth signs with the real time."""
    with GoogleServer() as made:
        made.account(ME)
        yield made


def test_a_token_is_refreshed_before_it_expires_and_not_sooner(google: GoogleServer) -> None:
    store = MemoryTokens(connect(google).tokens)
    tokens = account_tokens(app_of(google), store, now=google.clock)
    first = tokens()
    assert first == tokens()
    advance(google, 3_400)
    second = tokens()
    assert first != second
    assert second == store.tokens.access_token
    assert store.tokens.refresh_token


def test_of_many_that_ask_at_once_one_refreshes(google: GoogleServer) -> None:
    tokens = account_tokens(app_of(google), MemoryTokens(expired(connect(google).tokens)), now=google.clock)
    before = len(google.log)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(tokens())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 12 == len(got)
    assert 1 == len(set(got))
    assert 1 == sum(1 for entry in google.log[before:] if entry.name == "oauth2.token")


def test_a_token_that_another_worker_stored_is_taken_without_a_request(google: GoogleServer) -> None:
    grant = connect(google)
    store = MemoryTokens(grant.tokens)
    tokens = account_tokens(app_of(google), store, now=google.clock)
    old = tokens()
    store.tokens = refreshed(app_of(google), grant.tokens, now=google.clock)
    before = len(google.log)
    tokens.reject(old)
    assert store.tokens.access_token == tokens()
    assert before == len(google.log)


def test_a_rejected_token_is_not_given_again(google: GoogleServer) -> None:
    tokens = account_tokens(app_of(google), MemoryTokens(connect(google).tokens), now=google.clock)
    old = tokens()
    tokens.reject(old)
    assert old != tokens()


def test_the_refresh_happens_under_the_hosts_lock(google: GoogleServer) -> None:
    seen: list[str] = []

    class Locked(MemoryTokens):
        @contextmanager
        def locked(self) -> Iterator[None]:
            seen.append("locked")
            yield
            seen.append("free")

        def store(self, tokens: Tokens) -> None:
            seen.append("stored")
            super().store(tokens)

    account_tokens(app_of(google), Locked(expired(connect(google).tokens)), now=google.clock)()
    assert ["locked", "stored", "free"] == seen


def test_before_an_account_is_given_up_its_stored_token_is_read_again(google: GoogleServer) -> None:
    old = expired(connect(google).tokens)
    google.oauth.break_grants(ME)
    new = connect(google).tokens

    class Reconnected(MemoryTokens):
        reads = 0

        def load(self) -> Tokens:
            self.reads += 1
            return old if self.reads == 1 else expired(new)

    store = Reconnected(old)
    tokens = account_tokens(app_of(google), store, now=google.clock)
    assert tokens()
    assert new.refresh_token == store.tokens.refresh_token


def test_a_refresh_token_that_does_not_come_back_is_kept(google: GoogleServer) -> None:
    grant = connect(google)
    assert refreshed(app_of(google), grant.tokens, now=google.clock).refresh_token is None
    store = MemoryTokens(expired(grant.tokens))
    account_tokens(app_of(google), store, now=google.clock)()
    assert grant.tokens.refresh_token == store.tokens.refresh_token


@pytest.mark.parametrize(
    ("cause", "error", "words"),
    [
        ("revoked", NotAuthorized, "revoked"),
        ("malformed", NotAuthorized, "revoked"),
        ("deleted", NotAuthorized, "revoked"),
        ("reauth", NotAuthorized, "from time to time"),
        ("admin", NeedsAdmin, "administrator"),
        ("client deleted", NeedsAdmin, "set up"),
        ("client disabled", NeedsAdmin, "set up"),
    ],
)
def test_the_causes_of_a_refusal_are_told_apart(
    google: GoogleServer, cause: str, error: type[CrmSyncError], words: str
) -> None:
    tokens = connect(google).tokens
    google.oauth.break_grants(ME, cause)  # type: ignore[arg-type]  # one of the server's
    with pytest.raises(error, match=words) as caught:
        refreshed(app_of(google), tokens)
    assert tokens.refresh_token
    assert tokens.refresh_token not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("oauth2.token", status=503, reason="internal_failure"), Unavailable),
        (Fault("oauth2.token", status=500, reason="server_error"), Unavailable),
        (Fault("oauth2.token", status=503, reason="internal_failure", retry_after=90), RateLimited),
        (Fault("oauth2.token", status=429, reason="rate_limit_exceeded", retry_after=700), RateLimited),
        (Fault("oauth2.token", status=429, reason="invalid_grant"), RateLimited),
        (Fault("oauth2.token", status=400, reason="somethingNew"), Unavailable),
        (Fault("oauth2.token", kind="garbage"), Unavailable),
        (Fault("oauth2.token", kind="drop"), Unavailable),
        (Fault("oauth2.token", kind="cut"), Unavailable),
    ],
)
def test_a_busy_token_endpoint_gives_nobody_up(google: GoogleServer, fault: Fault, error: type[CrmSyncError]) -> None:
    tokens = account_tokens(app_of(google), MemoryTokens(expired(connect(google).tokens)), now=google.clock)
    google.faults.add(fault)
    with pytest.raises(error) as caught:
        tokens()
    if isinstance(caught.value, RateLimited) and fault.retry_after:
        assert fault.retry_after == caught.value.retry_after
    google.faults.clear()
    assert tokens()


def test_a_token_near_its_end_serves_while_the_endpoint_is_busy(google: GoogleServer) -> None:
    tokens = account_tokens(app_of(google), MemoryTokens(connect(google).tokens), now=google.clock)
    first = tokens()
    advance(google, 3_400)
    google.faults.add(Fault("oauth2.token", status=503, reason="internal_failure"))
    assert first == tokens()


def test_tokens_show_no_secret_and_are_not_pickled(google: GoogleServer) -> None:
    tokens = connect(google).tokens
    assert tokens.access_token not in repr(tokens)
    assert str(tokens.refresh_token) not in repr(tokens)
    assert tokens == Tokens.read(tokens.dump())
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(tokens)
    assert app_of(google).client_secret() not in repr(app_of(google)) + app_of(google).model_dump_json()


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", '{"v": "tokens/1"}', '{"v": 2}', "secret"])
def test_stored_tokens_that_are_none_ask_for_a_new_connection(text: str) -> None:
    with pytest.raises(NotAuthorized, match="connect again") as caught:
        Tokens.read(text)
    assert "secret" not in str(caught.value)


# -- the end, and an administrator's delegation


def test_disconnecting_ends_the_refresh_token_and_twice_is_once(google: GoogleServer) -> None:
    tokens = connect(google).tokens
    revoke(app_of(google), tokens)
    revoke(app_of(google), tokens)
    with pytest.raises(NotAuthorized):
        refreshed(app_of(google), tokens)


def test_a_revocation_that_did_not_happen_is_no_success(google: GoogleServer) -> None:
    google.faults.add(Fault("oauth2.revoke", status=503, reason="server_error", count=1))
    with pytest.raises(Unavailable):
        revoke(app_of(google), connect(google).tokens)


def test_an_administrator_connects_everybody(google_now: GoogleServer) -> None:
    google_now.account("you@acme.com")
    key = google_now.oauth.add_service_account(frozenset(scopes_for(ALL)))
    for address in (ME, "you@acme.com"):
        token = delegation(google_now, key, address)()
        assert address == google_now.oauth.tokens[token].address


def test_without_delegation_the_administrator_is_told_what_to_allow(google_now: GoogleServer) -> None:
    key = google_now.oauth.add_service_account(frozenset())
    with pytest.raises(NeedsAdmin, match=r"100000000000000000001 for .*gmail\.readonly"):
        delegation(google_now, key, ME)()


def test_a_mailbox_that_is_not_there_is_not_delegated(google_now: GoogleServer) -> None:
    key = google_now.oauth.add_service_account(frozenset(scopes_for(ALL)))
    with pytest.raises(NotAuthorized):
        delegation(google_now, key, "nobody@acme.com")()


@pytest.mark.parametrize("broken", [{"private_key": "none"}, {"private_key": None}, {"client_email": None}])
def test_a_damaged_key_file_is_said_without_repeating_it(google: GoogleServer, broken: dict[str, str | None]) -> None:
    key = {**google.oauth.add_service_account(frozenset(scopes_for(ALL))), **broken}
    with pytest.raises(NotAuthorized, match="download it again") as caught:
        delegation(google, {name: value for name, value in key.items() if value is not None}, ME)()
    assert "none" not in str(caught.value).replace("is none", "")


def delegation(google: GoogleServer, key: dict[str, object], address: str) -> AccountTokens:
    content = json.loads(json.dumps(key))
    return delegated_tokens(lambda: content, address, ALL, allow_internal=True, now=google.clock)
