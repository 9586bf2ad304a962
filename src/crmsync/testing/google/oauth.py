"""Google's OAuth: consent, tokens, revocation and service accounts (RFC 6749, 7009, 7523, 7636).

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import urlencode, urlsplit

from ..web.clock import Clock
from ..web.signing import Key, unverified
from .wire import Json, Request, Response, answer

ISSUER = "https://accounts.google.com"
LIFETIME = 3_599
"""Seconds that an access token is valid."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

Cause = Literal["revoked", "malformed", "reauth", "deleted", "admin", "client deleted", "client disabled"]

_CAUSES: dict[str, tuple[int, Json]] = {
    # Unused for six months, a changed password and a project in testing after seven days all look like this.
    "revoked": (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
    "malformed": (400, {"error": "invalid_grant", "error_description": "Bad Request"}),
    "reauth": (
        400,
        {
            "error": "invalid_grant",
            "error_description": "reauth related error (invalid_rapt)",
            "error_uri": "https://support.google.com/a/answer/9368756",
            "error_subtype": "invalid_rapt",
        },
    ),
    "deleted": (400, {"error": "invalid_grant", "error_description": "Account has been deleted"}),
    "admin": (400, {"error": "admin_policy_enforced", "error_description": "Access was denied by the administrator."}),
    "client deleted": (401, {"error": "deleted_client", "error_description": "The OAuth client was deleted."}),
    "client disabled": (401, {"error": "disabled_client", "error_description": "The OAuth client was disabled."}),
}


@dataclass
class Consent:
    """What the person at the consent screen does next."""

    address: str | None = None
    """Who; None: whom the client hints at, else the first account."""
    unticked: set[str] = field(default_factory=set)
    """Scopes that the person leaves out."""
    denied: bool = False
    blocked: bool = False
    """Whether an administrator's policy refuses the client: Google says so itself and never comes back."""


@dataclass
class Client:
    """A registered OAuth client."""

    id: str = "loopback.apps.googleusercontent.com"
    secret: str = "loopback-client-secret"  # noqa: S105 - of no real client
    redirect_uris: frozenset[str] | None = None
    """None: any, as for a desktop client on its loopback interface."""


@dataclass
class Grant:
    """What one person allowed one client."""

    address: str
    client: str
    scopes: frozenset[str]
    refresh_token: str
    broken: Cause | None = None


@dataclass(frozen=True)
class Token:
    """An access token's meaning."""

    address: str
    scopes: frozenset[str]
    expires: float
    grant: Grant | None = None


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    method: str
    expires: float
    offline: bool


@dataclass
class ServiceAccount:
    """A service account with domain-wide delegation."""

    email: str
    key: Key
    scopes: frozenset[str]
    """What the administrator allowed it."""


@lru_cache(maxsize=1)
def _googles_key() -> Key:
    # One for all servers of a process: making one takes a while.
    return Key("loopback-key")


class _Refused(Exception):
    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **({"error_description": description} if description else {})}


class OAuth:
    """The authorization server."""

    def __init__(self, clock: Clock, url: Callable[[], str]) -> None:
        self.client = Client()
        self.clients = {self.client.id: self.client}
        self.consent = Consent()
        """What happens at the next consent screens; set it anew for others."""
        self.addresses: list[str] = []
        """Who has an account."""
        self.grants: list[Grant] = []
        self.tokens: dict[str, Token] = {}
        self.service_accounts: dict[str, ServiceAccount] = {}
        self.key = _googles_key()
        """Google's own, for ID tokens and Pub/Sub."""
        self._codes: dict[str, _Code] = {}
        self._clock = clock
        self._url = url

    # -- for tests

    def token(self, address: str, scopes: frozenset[str]) -> str:
        """Return an access token without a consent."""
        return self._issue(address, scopes, None)

    def grant(self, address: str, scopes: frozenset[str]) -> Grant:
        """Return a grant without a consent: its refresh token is what a host stores."""
        made = Grant(address, self.client.id, scopes, "1//0" + secrets.token_urlsafe(32))
        self.grants.append(made)
        return made

    def break_grants(self, address: str, cause: Cause = "revoked") -> None:
        """Let an account's refresh tokens fail from now on, and its access tokens too."""
        for grant in self.grants:
            if grant.address == address:
                grant.broken = cause
        self.expire_tokens(address)

    def expire_tokens(self, address: str) -> None:
        """Let an account's access tokens expire now; a refresh helps."""
        self.tokens = {text: token for text, token in self.tokens.items() if token.address != address}

    def add_service_account(self, scopes: Iterable[str], name: str = "crm") -> Json:
        """Register a service account that may act for everybody, and return its key file's content."""
        email = f"{name}@loopback.iam.gserviceaccount.com"
        made = ServiceAccount(email, Key(f"{name}-key"), frozenset(scopes))
        self.service_accounts[email] = made
        return {
            "type": "service_account",
            "project_id": "loopback",
            "private_key_id": made.key.name,
            "private_key": made.key.pem,
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": f"{self._url()}/o/oauth2/v2/auth",
            "token_uri": f"{self._url()}/token",
        }

    # -- for the server

    def meaning(self, request: Request) -> Token | None:
        """Return what the request's access token allows, None where it is none or has expired."""
        header = request.headers.get("authorization", "")
        text = header[7:] if header[:7].lower() == "bearer " else request.one("access_token")
        token = self.tokens.get(text)
        if token is None or token.expires <= self._clock() or (token.grant and token.grant.broken):
            return None
        return token

    def authorize(self, request: Request) -> Response:
        """Answer the authorization endpoint: the person is sent back at once."""
        asked = request.form()
        client, redirect = self.clients.get(asked.get("client_id", "")), asked.get("redirect_uri", "")
        wrong = None
        if client is None:
            wrong = "invalid_client: The OAuth client was not found."
        elif not urlsplit(redirect).scheme or (
            client.redirect_uris is not None and redirect not in client.redirect_uris
        ):
            wrong = "redirect_uri_mismatch"
        elif asked.get("response_type") != "code" or not asked.get("scope"):
            wrong = "invalid_request: Required parameter is missing: " + (
                "scope" if asked.get("scope") == "" else "response_type"
            )
        elif self.consent.blocked:
            wrong = "admin_policy_enforced: This app is blocked by your administrator."
        if wrong or client is None:
            return Response(400, {"Content-Type": "text/html"}, f"<p>Error 400: {wrong}</p>".encode())
        back = {"state": asked["state"]} if "state" in asked else {}
        if self.consent.denied:
            back["error"] = "access_denied"
        else:
            back |= self._agreed(client, redirect, asked)
        mark = "&" if urlsplit(redirect).query else "?"
        return Response(302, {"Location": f"{redirect}{mark}{urlencode(back)}"})

    def _agreed(self, client: Client, redirect: str, asked: dict[str, str]) -> dict[str, str]:
        hint = asked.get("login_hint", "")
        address = self.consent.address or (
            hint if hint in self.addresses else next(iter(self.addresses), "me@acme.com")
        )
        scopes = frozenset(asked["scope"].split()) - self.consent.unticked
        earlier = [g for g in self.grants if (g.address, g.client, g.broken) == (address, client.id, None)]
        if asked.get("include_granted_scopes") == "true":
            scopes = scopes.union(*(g.scopes for g in earlier))
        # The refresh token comes with the first consent only, unless the client asks for a consent again.
        offline = asked.get("access_type") == "offline" and (not earlier or "consent" in asked.get("prompt", ""))
        grant = (
            Grant(address, client.id, scopes, "1//0" + secrets.token_urlsafe(32))
            if offline or not earlier
            else replace(earlier[-1], scopes=scopes)
        )
        code = "4/0" + secrets.token_urlsafe(32)
        challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method", "plain")
        self._codes[code] = _Code(grant, redirect, challenge, method, self._clock() + 600, offline)
        return {"iss": ISSUER, "code": code, "scope": " ".join(sorted(scopes)), "authuser": "0", "prompt": "consent"}

    def exchange(self, request: Request) -> Response:
        """Answer the token endpoint."""
        asked = request.form()
        try:
            kind = asked.get("grant_type", "")
            if kind == JWT_BEARER:
                return answer(self._delegated(asked.get("assertion", "")))
            grants = {"authorization_code": self._redeemed, "refresh_token": self._refreshed}
            if kind not in grants:
                raise _Refused("unsupported_grant_type", f"Invalid grant_type: {kind}")
            self._known_client(request, asked)
            return answer(grants[kind](asked))
        except _Refused as refused:
            return answer(refused.body, refused.status)

    def _known_client(self, request: Request, asked: dict[str, str]) -> None:
        id_, secret = asked.get("client_id", ""), asked.get("client_secret", "")
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            id_, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        client = self.clients.get(id_)
        if client is None:
            raise _Refused("invalid_client", "The OAuth client was not found.", 401)
        if client.secret != secret:
            raise _Refused("invalid_client", "Unauthorized", 401)

    def _redeemed(self, asked: dict[str, str]) -> Json:
        code = self._codes.pop(asked.get("code", ""), None)
        if code is None or code.expires <= self._clock():
            raise _Refused("invalid_grant", "Malformed auth code." if not asked.get("code") else "Bad Request")
        if code.grant.client != asked.get("client_id", code.grant.client):
            raise _Refused("unauthorized_client", "Unauthorized", 401)
        if code.redirect_uri != asked.get("redirect_uri"):
            raise _Refused("redirect_uri_mismatch", "Bad Request")
        verifier = asked.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if code.challenge and code.challenge != (digest if code.method == "S256" else verifier):
            raise _Refused("invalid_grant", "Invalid code verifier." if verifier else "Missing code verifier.")
        # A consent to more, without a refresh token of its own, widens the one that is there.
        self.grants = [g for g in self.grants if g.refresh_token != code.grant.refresh_token] + [code.grant]
        made = self._tokens_of(code.grant)
        return made | ({"refresh_token": code.grant.refresh_token} if code.offline else {})

    def _refreshed(self, asked: dict[str, str]) -> Json:
        grant = next((g for g in self.grants if g.refresh_token == asked.get("refresh_token")), None)
        if grant is None:
            raise _Refused("invalid_grant", "Bad Request")
        if grant.broken:
            status, body = _CAUSES[grant.broken]
            refused = _Refused("", status=status)
            refused.body = body
            raise refused
        return self._tokens_of(grant)

    def _tokens_of(self, grant: Grant) -> Json:
        made: Json = {
            "access_token": self._issue(grant.address, grant.scopes, grant),
            "expires_in": LIFETIME,
            "scope": " ".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }
        if "openid" in grant.scopes:
            now = int(self._clock())
            claims = {**self._person(grant.address), "iss": ISSUER, "aud": grant.client, "iat": now, "exp": now + 3_600}
            made["id_token"] = self.key.sign(claims)
        return made

    def _delegated(self, assertion: str) -> Json:
        claims = unverified(assertion) or {}
        account = self.service_accounts.get(str(claims.get("iss")))
        if account is None or account.key.verified(assertion) is None:
            raise _Refused("invalid_grant", "Invalid JWT Signature.")
        now, scopes = self._clock(), frozenset(str(claims.get("scope", "")).split())
        fresh = claims.get("iat", 0) <= now + 300 and now < claims.get("exp", 0) <= now + 3_900
        # google-auth always writes Google's own address, wherever it sends the token.
        if claims.get("aud") not in {f"{self._url()}/token", "https://oauth2.googleapis.com/token"} or not fresh:
            raise _Refused("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        subject = claims.get("sub")
        if subject is not None and not scopes <= account.scopes:
            said = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for "
            raise _Refused("unauthorized_client", said + "any of the scopes requested.", 401)
        if subject is not None and subject not in self.addresses:
            raise _Refused("invalid_grant", "Invalid email or User ID")
        text = self._issue(str(subject or account.email), scopes, None)
        return {"access_token": text, "expires_in": LIFETIME, "token_type": "Bearer"}

    def revoke(self, request: Request) -> Response:
        """Answer the revocation endpoint: either kind of token ends the whole grant."""
        text = request.form().get("token", "")
        token = self.tokens.get(text)
        grant = token.grant if token else next((g for g in self.grants if g.refresh_token == text), None)
        if grant is None or grant.broken:
            return answer({"error": "invalid_token", "error_description": "Token expired or revoked"}, 400)
        grant.broken = "revoked"
        return answer({})

    def token_info(self, request: Request) -> Response:
        """Answer what an access token is."""
        token = self.meaning(request)
        if token is None:
            return answer({"error": "invalid_token", "error_description": "Invalid Value"}, 400)
        left = str(int(token.expires - self._clock()))
        made = {"scope": " ".join(sorted(token.scopes)), "expires_in": left, "access_type": "offline"}
        return answer(made | {"email": token.address, "email_verified": "true", "azp": self.client.id})

    def user_info(self, request: Request) -> Response:
        """Answer whose an access token is (OpenID Connect)."""
        token = self.meaning(request)
        if token is None:
            return answer({"error": "invalid_request", "error_description": "Invalid Credentials"}, 401)
        return answer(self._person(token.address))

    def _person(self, address: str) -> Json:
        subject = str(10**20 + int(hashlib.sha256(address.encode()).hexdigest()[:15], 16))
        return {"sub": subject, "email": address, "email_verified": True}

    def _issue(self, address: str, scopes: frozenset[str], grant: Grant | None) -> str:
        text = "ya29.a0" + secrets.token_urlsafe(48)
        self.tokens[text] = Token(address, scopes, self._clock() + LIFETIME, grant)
        return text
