"""Consent, at a loopback Google."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from google_worlds import ALL, ME, REDIRECT, agree, app_of, connect, server

from crmsync.errors import NeedsAdmin, NotAuthorized, Unavailable
from crmsync.protocols import Identity
from crmsync.providers.google.oauth import (
    Feature,
    begin_consent,
    finish_consent,
    granted_features,
    refreshed,
    revoke,
    scopes_for,
)
from crmsync.providers.web.consent import PendingConsent, code_of, require_mailbox
from crmsync.providers.web.loopback import loopback
from crmsync.providers.web.tokens import Tokens
from crmsync.testing.google import AUTH, Consent, GoogleServer


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with server() as made:
        made.account(ME)
        yield made


def test_one_consent_asks_for_the_least_that_the_features_take() -> None:
    assert (f"{AUTH}gmail.readonly",) == scopes_for([Feature.MAIL])
    every = {"gmail.readonly", "gmail.send", "calendar.events.readonly", "calendar.calendarlist.readonly"}
    assert {f"{AUTH}{name}" for name in every} == set(scopes_for(ALL))


def test_a_consent_ends_with_tokens_for_all_that_was_asked_for(google: GoogleServer) -> None:
    grant = connect(google)
    assert (frozenset(ALL), frozenset()) == (grant.features, grant.missing)
    assert grant.tokens.refresh_token
    assert grant.tokens.expires_at - google.clock() > 3_000


def test_the_url_carries_a_challenge_and_a_state_that_nobody_can_guess(google: GoogleServer) -> None:
    pendings = [begin_consent(app_of(google), ALL, redirect_uri=REDIRECT, login_hint=ME) for _ in range(2)]
    asked = [parse_qs(urlsplit(pending.url).query) for pending in pendings]
    assert asked[0]["state"] != asked[1]["state"]
    assert asked[0]["code_challenge"] != asked[1]["code_challenge"]
    assert (["S256"], ["offline"], [ME]) == tuple(
        asked[0][n] for n in ("code_challenge_method", "access_type", "login_hint")
    )
    assert pendings[0].verifier not in pendings[0].url


def test_what_is_pending_survives_a_session_and_shows_no_secret(google: GoogleServer) -> None:
    pending = begin_consent(app_of(google), ALL, redirect_uri=REDIRECT)
    assert pending == PendingConsent.model_validate_json(pending.model_dump_json())
    assert pending.verifier not in repr(pending)
    assert pending.state not in repr(pending)


def test_the_answer_to_another_attempt_is_refused(google: GoogleServer) -> None:
    app = app_of(google)
    mine, others = (begin_consent(app, ALL, redirect_uri=REDIRECT) for _ in range(2))
    with pytest.raises(NotAuthorized, match="another attempt"):
        finish_consent(app, mine, agree(google, others))


def test_a_stolen_code_is_worth_nothing_without_the_verifier(google: GoogleServer) -> None:
    app = app_of(google)
    pending = begin_consent(app, ALL, redirect_uri=REDIRECT)
    thief = pending.model_copy(update={"verifier": "x" * 60})
    with pytest.raises(NotAuthorized):
        finish_consent(app, thief, agree(google, pending))


def test_an_unticked_box_is_named_and_the_rest_is_connected(google: GoogleServer) -> None:
    google.oauth.consent = Consent(unticked={f"{AUTH}calendar.events.readonly"})
    grant = connect(google)
    assert (frozenset({Feature.MAIL, Feature.SEND}), frozenset({Feature.CALENDAR})) == (grant.features, grant.missing)


def test_with_every_box_unticked_there_is_nothing_to_connect(google: GoogleServer) -> None:
    google.oauth.consent = Consent(unticked=set(scopes_for(ALL)))
    with pytest.raises(NotAuthorized, match="calendar, mail, send"):
        connect(google)


def test_a_wider_scope_includes_a_narrower_one() -> None:
    assert {Feature.MAIL, Feature.SEND} == granted_features({"https://mail.google.com/"})
    assert {Feature.CALENDAR} == granted_features({f"{AUTH}calendar"})
    assert set() == granted_features({f"{AUTH}gmail.metadata", f"{AUTH}calendar.calendarlist.readonly"})


def test_who_declines_is_asked_to_connect_again(google: GoogleServer) -> None:
    google.oauth.consent = Consent(denied=True)
    with pytest.raises(NotAuthorized, match="not given"):
        connect(google)


def test_an_administrator_who_does_not_allow_it_is_named() -> None:
    pending = PendingConsent(url="", state="s", verifier="v", redirect_uri=REDIRECT, scopes=())
    with pytest.raises(NeedsAdmin):
        code_of(pending, f"{REDIRECT}?state=s&error=admin_policy_enforced", needs_admin={"admin_policy_enforced"})


def test_an_answer_is_good_for_one_exchange(google: GoogleServer) -> None:
    app = app_of(google)
    pending = begin_consent(app, ALL, redirect_uri=REDIRECT)
    callback = agree(google, pending)
    finish_consent(app, pending, callback)
    with pytest.raises(NotAuthorized, match="begin again"):
        finish_consent(app, pending, callback)
    with pytest.raises(NotAuthorized, match="no code"):
        finish_consent(app, pending, f"{REDIRECT}?state={pending.state}")


def test_a_consent_for_nothing_is_a_mistake(google: GoogleServer) -> None:
    with pytest.raises(ValueError, match="a feature"):
        begin_consent(app_of(google), [], redirect_uri=REDIRECT)


def test_a_permission_that_does_not_last_is_said(google: GoogleServer) -> None:
    app = app_of(google)
    connect(google)
    pending = begin_consent(app, ALL, redirect_uri=REDIRECT)
    once = pending.model_copy(update={"url": pending.url.replace("prompt=consent", "prompt=none")})
    with pytest.raises(NotAuthorized, match="lasting"):
        finish_consent(app, once, agree(google, once))
    with pytest.raises(NotAuthorized, match="lasting"):
        refreshed(app, Tokens(access_token="a"))
    revoke(app, Tokens())


def test_only_the_mailbox_itself_is_connected() -> None:
    identity = Identity(address=ME, aliases={"sales@acme.com"})
    require_mailbox(identity, "Me@Acme.com ")
    with pytest.raises(NotAuthorized, match=r"alias of me@acme\.com"):
        require_mailbox(identity, "sales@acme.com")
    with pytest.raises(NotAuthorized, match=r"given for me@acme\.com"):
        require_mailbox(identity, "ann@acme.com")


@pytest.mark.parametrize("callback", ["", "nonsense", "?", "https://x.example/?state=", "?state=%ff&code=1", "\x00"])
def test_an_answer_that_is_none_is_refused_in_words(google: GoogleServer, callback: str) -> None:
    app = app_of(google)
    with pytest.raises(NotAuthorized):
        finish_consent(app, begin_consent(app, ALL, redirect_uri=REDIRECT), callback)


def test_a_wrong_client_secret_is_the_programs_fault_and_nobodys_elses(google: GoogleServer) -> None:
    app = app_of(google, secret="wrong")
    pending = begin_consent(app, ALL, redirect_uri=REDIRECT)
    with pytest.raises(NeedsAdmin, match="client id"):
        finish_consent(app, pending, agree(google, pending))


def test_a_browser_on_this_machine_brings_the_answer_back(google: GoogleServer) -> None:
    app = app_of(google)
    with loopback() as door:
        pending = begin_consent(app, ALL, redirect_uri=door.redirect_uri)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError):
            opener.open(f"{door.redirect_uri}favicon.ico", timeout=10).close()
        opener.open(f"{door.redirect_uri}?state=somebody&code=else", timeout=10).close()
        page = opener.open(pending.url, timeout=10)
        assert b"close this window" in page.read()
        page.close()
        grant = finish_consent(app, pending, door.wait(5.0, pending.state))
    assert frozenset(ALL) == grant.features


def test_a_consent_that_nobody_answers_ends() -> None:
    with loopback() as door, pytest.raises(Unavailable, match="in time"):
        door.wait(0.01, "state")
