"""Consent to Outlook: what is asked for, who may agree, how it ends, and how its tokens are kept."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from crmsync.errors import NeedsAdmin, NotAuthorized, RateLimited, Unavailable
from crmsync.providers.microsoft import OutlookMail
from crmsync.providers.microsoft.consent import (
    Grant,
    admin_request,
    approved_tenant,
    begin_consent,
    begin_device,
    finish_consent,
    finish_device,
)
from crmsync.providers.microsoft.grants import grant_error
from crmsync.providers.microsoft.oauth import (
    Feature,
    HttpClient,
    MicrosoftApp,
    account_tokens,
    application_tokens,
    granted_features,
    refreshed,
    scopes_for,
)
from crmsync.providers.web.calls import Site
from crmsync.providers.web.consent import PendingConsent
from crmsync.providers.web.tokens import MemoryTokens, Tokens
from crmsync.testing.microsoft import EVERY_PERMISSION, Cause, Fault, MicrosoftServer

BACK = "https://crm.example/back"
ALL = (Feature.MAIL, Feature.SEND, Feature.CALENDAR)


@pytest.fixture
def microsoft() -> Iterator[MicrosoftServer]:
    with MicrosoftServer() as server:
        server.account("me@acme.com")
        yield server


def app_of(server: MicrosoftServer, **options: Any) -> MicrosoftApp:
    application = server.identity.application
    given = {"client_secret": lambda: application.secret, **options}
    return MicrosoftApp(client_id=application.id, login=server.url, allow_internal=True, **given)


def gone_to(server: MicrosoftServer, url: str) -> str:
    """Go where a person is sent, and return where they come back to; a page that keeps them is no way back."""
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == "https://login.microsoftonline.com"
    line = HTTPConnection(urlsplit(server.url).netloc)
    line.request("GET", f"{parts.path}?{parts.query}")
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.getheader("Location") or ""


def connected(server: MicrosoftServer, features: Any = ALL, **options: Any) -> Grant:
    app = app_of(server)
    pending = begin_consent(app, features, redirect_uri=BACK, **options)
    return finish_consent(app, pending, gone_to(server, pending.url))


# -- what is asked for


def test_all_that_a_host_will_need_is_asked_for_at_once(microsoft: MicrosoftServer) -> None:  # margince #3384
    pending = begin_consent(app_of(microsoft), ALL, redirect_uri=BACK, login_hint="me@acme.com", shared=True)
    query = {name: values[0] for name, values in parse_qs(urlsplit(pending.url).query).items()}
    asked = {scope.rpartition("/")[2] for scope in query["scope"].split()}
    assert asked >= {
        "User.Read", "MailboxSettings.Read", "Mail.Read", "Mail.ReadWrite", "Mail.Send", "Calendars.Read",
        "Mail.Read.Shared", "Mail.Send.Shared", "Calendars.Read.Shared", "offline_access",
    }  # fmt: skip
    assert query["code_challenge_method"] == "S256"
    assert query["login_hint"] == "me@acme.com"
    assert {"state", "nonce", "code_challenge"} <= query.keys()


def test_reading_asks_for_no_right_to_write() -> None:
    assert scopes_for([Feature.MAIL, Feature.CALENDAR]) == (
        "User.Read", "MailboxSettings.Read", "Calendars.Read", "Mail.Read",
    )  # fmt: skip


def test_permissions_are_compared_by_their_last_part() -> None:  # keeper.sh #644
    assert granted_features({"https://graph.microsoft.com/mail.read", "Calendars.ReadWrite"}) == {
        Feature.MAIL, Feature.CALENDAR,
    }  # fmt: skip
    assert granted_features({"https://graph.microsoft.com//Mail.Send"}) == set()


def test_one_consent_is_for_mail_and_calendars(microsoft: MicrosoftServer) -> None:
    grant = connected(microsoft)
    assert grant.features == set(ALL)
    assert grant.missing == set()
    assert grant.username == "me@acme.com"
    assert grant.tenant == microsoft.account("me@acme.com").tenant
    mail = OutlookMail(lambda: grant.tokens.access_token, site=Site(microsoft.url, allow_internal=True))
    assert mail.identify().address == "me@acme.com"


def test_a_pending_consent_can_be_kept_as_json_and_shows_no_secret(microsoft: MicrosoftServer) -> None:
    app = app_of(microsoft)
    pending = begin_consent(app, ALL, redirect_uri=BACK)
    again = PendingConsent.model_validate_json(pending.model_dump_json())
    assert again == pending
    assert pending.verifier not in repr(pending)
    assert finish_consent(app, again, gone_to(microsoft, pending.url)).features == set(ALL)


# -- who does not agree


def test_an_answer_to_another_attempt_is_refused(microsoft: MicrosoftServer) -> None:
    app = app_of(microsoft)
    pending, other = (begin_consent(app, ALL, redirect_uri=BACK) for _ in range(2))
    callback = gone_to(microsoft, pending.url)
    with pytest.raises(NotAuthorized, match="another attempt"):
        finish_consent(app, other, callback)
    finish_consent(app, pending, callback)
    with pytest.raises(NotAuthorized, match="used before"):
        finish_consent(app, pending, callback)


def test_a_person_may_say_no(microsoft: MicrosoftServer) -> None:
    microsoft.identity.consent.denied = True
    with pytest.raises(NotAuthorized, match="not given"):
        connected(microsoft)


def test_an_administrator_approves_and_the_same_consent_goes_through(microsoft: MicrosoftServer) -> None:
    tenant = microsoft.identity.tenant("acme.com")
    tenant.user_consent = "blocked"
    with pytest.raises(NeedsAdmin, match="administrator"):
        connected(microsoft)

    request = admin_request(app_of(microsoft), ALL, redirect_uri=BACK, name="Acme CRM")
    assert request.url in request.text
    assert "Acme CRM" in request.text
    assert "Mail.Read" in request.text
    microsoft.identity.consent.admin = True
    assert approved_tenant(request, gone_to(microsoft, request.url)) == tenant.id
    microsoft.identity.consent.admin = False
    assert connected(microsoft).features == set(ALL)


def test_somebody_who_is_no_administrator_cannot_approve(microsoft: MicrosoftServer) -> None:
    request = admin_request(app_of(microsoft), ALL, redirect_uri=BACK, name="Acme CRM")
    with pytest.raises(NeedsAdmin):
        approved_tenant(request, gone_to(microsoft, request.url))
    microsoft.identity.consent.denied = True
    with pytest.raises(NotAuthorized, match="did not approve"):
        approved_tenant(request, gone_to(microsoft, request.url))
    with pytest.raises(NotAuthorized):
        approved_tenant(request, f"{BACK}?state={request.state}")


def test_an_organisation_that_is_none_says_so(microsoft: MicrosoftServer) -> None:
    with pytest.raises(NotAuthorized, match="no such organisation"):
        begin_consent(app_of(microsoft, tenant="nobody.example"), ALL, redirect_uri=BACK)


def test_a_program_that_is_set_up_wrongly_is_for_whoever_runs_it(microsoft: MicrosoftServer) -> None:
    app = app_of(microsoft, client_secret=lambda: "wrong")
    pending = begin_consent(app, ALL, redirect_uri=BACK)
    with pytest.raises(NeedsAdmin, match="set up rightly"):
        finish_consent(app, pending, gone_to(microsoft, pending.url))


def test_a_personal_account_connects_as_well(microsoft: MicrosoftServer) -> None:
    microsoft.account("ann@outlook.example", personal=True)
    assert connected(microsoft, login_hint="ann@outlook.example").username == "ann@outlook.example"


def test_a_code_is_typed_in_on_another_machine(microsoft: MicrosoftServer) -> None:
    app = app_of(microsoft, client_secret=None)
    device = begin_device(app, ALL)
    microsoft.sign_in.approve(device.code)
    assert finish_device(app, device).features == set(ALL)
    refused = begin_device(app, ALL)
    microsoft.identity.consent.denied = True
    microsoft.sign_in.approve(refused.code)
    with pytest.raises(NotAuthorized):
        finish_device(app, refused)


# -- tokens


class Kept(MemoryTokens):
    """Tokens as a host keeps them: under a lock that other processes see, each change noted."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.stored = 0
        self._lock = threading.Lock()

    def store(self, tokens: Tokens) -> None:
        self.stored += 1
        super().store(Tokens.read(tokens.dump()))

    def locked(self) -> AbstractContextManager[object]:
        return self._lock


def old(grant: Grant) -> Tokens:
    tokens = grant.tokens
    return Tokens(refresh_token=tokens.refresh_token, access_token="", expires_at=0, scopes=tokens.scopes)


def test_a_refresh_token_is_replaced_and_kept_at_each_use(microsoft: MicrosoftServer) -> None:  # python-o365 #998, #323
    grant = connected(microsoft)
    first = refreshed(app_of(microsoft), old(grant))
    second = refreshed(app_of(microsoft), first)
    assert len({grant.tokens.refresh_token, first.refresh_token, second.refresh_token}) == 3
    assert granted_features(second.scopes) == set(ALL)


def test_many_that_ask_at_once_refresh_once(microsoft: MicrosoftServer) -> None:
    # python-o365 #1111; MS365-Calendar #102, #23, #93
    store = Kept(old(connected(microsoft)))
    tokens = [account_tokens(app_of(microsoft), store) for _ in range(3)]
    found: list[str] = []
    threads = [threading.Thread(target=lambda t=t: found.append(t())) for t in tokens * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert store.stored == 1


def test_a_token_is_replaced_before_it_expires(microsoft: MicrosoftServer) -> None:
    grant = connected(microsoft)
    near = Tokens(
        refresh_token=grant.tokens.refresh_token, access_token=grant.tokens.access_token,
        expires_at=microsoft.clock() + 60, scopes=grant.tokens.scopes,
    )  # fmt: skip
    assert account_tokens(app_of(microsoft), Kept(near))() != grant.tokens.access_token


@pytest.mark.parametrize("cause", get_args(Cause))
def test_each_end_of_a_connection_says_what_to_do(microsoft: MicrosoftServer, cause: Cause) -> None:
    grant = connected(microsoft)
    microsoft.identity.break_grants("me@acme.com", cause)
    kind = (
        NeedsAdmin
        if cause in {"conditional access", "application disabled", "application deleted", "not assigned"}
        else NotAuthorized
    )
    with pytest.raises(kind) as told:
        refreshed(app_of(microsoft), old(grant))
    assert "AADSTS" not in str(told.value)
    assert "me@acme.com" not in str(told.value)


def test_a_sign_in_that_is_busy_gives_nobody_up(microsoft: MicrosoftServer) -> None:  # keeper.sh #404
    grant = connected(microsoft)
    microsoft.faults.add(Fault("identity.token", status=503, reason="temporarily_unavailable"))
    with pytest.raises(Unavailable):
        refreshed(app_of(microsoft), old(grant))
    microsoft.faults.clear()
    microsoft.faults.add(Fault("identity.token", status=429, reason="temporarily_unavailable", retry_after=90))
    with pytest.raises(RateLimited) as told:
        refreshed(app_of(microsoft), old(grant))
    assert told.value.retry_after == 90
    microsoft.faults.clear()
    for kind in ("drop", "garbage"):
        microsoft.faults.add(Fault("identity.token", kind=kind, count=1))  # type: ignore[arg-type]  # both are kinds
        with pytest.raises(Unavailable):
            refreshed(app_of(microsoft), old(grant))
    assert refreshed(app_of(microsoft), old(grant)).access_token


def without_claims(microsoft: MicrosoftServer) -> Tokens:
    """Return tokens of before Graph asked for more."""
    grant = microsoft.identity.grant("me@acme.com", EVERY_PERMISSION)
    token = microsoft.token("me@acme.com", EVERY_PERMISSION)
    return Tokens(
        refresh_token=grant.refresh_token, access_token=token, expires_at=microsoft.clock() + 3_000,
        scopes=frozenset({"Mail.Read"}),
    )  # fmt: skip


def test_what_graph_asks_for_besides_goes_into_the_next_token(microsoft: MicrosoftServer) -> None:
    store = Kept(without_claims(microsoft))
    tokens = account_tokens(app_of(microsoft), store)
    mail = OutlookMail(tokens, site=Site(microsoft.url, allow_internal=True))
    mail.collections()
    microsoft.identity.challenge("me@acme.com")
    assert mail.collections()
    assert store.stored == 1


def test_where_only_the_person_can_give_it_they_connect_again(microsoft: MicrosoftServer) -> None:
    tokens = account_tokens(app_of(microsoft), Kept(without_claims(microsoft)))
    mail = OutlookMail(tokens, site=Site(microsoft.url, allow_internal=True))
    mail.collections()
    microsoft.identity.challenge("me@acme.com", interactive=True)
    with pytest.raises(NotAuthorized, match="connect again"):
        mail.collections()


def test_the_program_itself_reads_the_mailboxes_that_an_administrator_lets_it(microsoft: MicrosoftServer) -> None:
    application, tenant = microsoft.identity.application, microsoft.identity.tenant("acme.com")
    tenant.roles[application.id] = {"Mail.Read", "Calendars.Read", "User.Read.All", "MailboxSettings.Read"}
    application.mailboxes = {"info@acme.com"}
    microsoft.account("info@acme.com", kind="shared").mailbox.deliver()
    tokens = application_tokens(app_of(microsoft), tenant.id)
    site = Site(microsoft.url, allow_internal=True)
    assert OutlookMail(tokens, mailbox="info@acme.com", site=site).identify().address == "info@acme.com"
    with pytest.raises(NotAuthorized):
        OutlookMail(tokens, mailbox="me@acme.com", site=site).identify()
    with pytest.raises(ValueError, match="secret"):
        application_tokens(app_of(microsoft, client_secret=None), tenant.id)


def test_no_secret_shows(microsoft: MicrosoftServer) -> None:
    grant = connected(microsoft)
    app = app_of(microsoft)
    shown = f"{app!r} {app.model_dump_json()} {grant.tokens!r}"
    for secret in (microsoft.identity.application.secret, grant.tokens.access_token, grant.tokens.refresh_token):
        assert secret
        assert secret not in shown
    with pytest.raises(TypeError):
        pickle.dumps(grant.tokens)


@pytest.mark.parametrize(
    "result",
    [{}, {"error": None}, {"error": 5, "error_codes": "x"}, {"error": "new_error", "error_codes": [1, None]}],
)
def test_a_refusal_that_nobody_knows_is_no_end(result: dict[str, Any]) -> None:
    assert isinstance(grant_error(result), Unavailable)


def test_a_refusal_is_read_by_its_codes_and_not_by_its_words() -> None:
    redirect = {"error": "access_denied", "error_description": "AADSTS90094: Zustimmung eines Administrators nötig"}
    assert isinstance(grant_error(redirect), NeedsAdmin)
    named = {"error": "access_denied", "error_uri": "https://login.microsoftonline.com/error?code=90094"}
    assert isinstance(grant_error(named), NeedsAdmin)
    said = {"error": "access_denied", "error_description": "the user mentioned AADSTS90094: but declined"}
    assert isinstance(grant_error(said), NotAuthorized)


def test_a_secret_goes_to_the_identity_platform_only(microsoft: MicrosoftServer) -> None:
    app = app_of(microsoft)
    grant = connected(microsoft)
    client = HttpClient(app)
    with pytest.raises(Unavailable, match="another server"):
        client.post("https://evil.example/token", data={"refresh_token": grant.tokens.refresh_token})
