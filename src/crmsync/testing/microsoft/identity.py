"""The Microsoft identity platform: tenants, applications, tokens (RFC 6749, 7636, 8628).

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from ..web.clock import Clock
from ..web.signing import Key
from .aadsts import CAUSES, NO_TENANT, OTHER_TENANT, SINGLE_TENANT, Cause, Refused
from .account import CONSUMERS, Account
from .ids import guid
from .permissions import IDENTITY, bare, qualified
from .wire import Json

LIFETIME = 3_599
"""Seconds that an access token is valid; the real ones live between 60 and 90 minutes."""
INACTIVE = 90 * 86_400
"""Seconds after which an unused refresh token is forgotten."""
GRAPH_ID = "00000003-0000-0000-c000-000000000000"
"""Graph's own application."""
LOGIN = "https://login.microsoftonline.com"
AUTHORITIES = ("common", "organizations", "consumers")
"""Authorities that are no tenant of their own."""


@dataclass
class Application:
    """A registered application."""

    id: str = guid("application:loopback")
    secret: str = "loopback~client~secret"  # noqa: S105 - of no real client
    name: str = "Loopback CRM"
    redirect_uris: frozenset[str] | None = None
    """None: any."""
    public: bool = True
    """Whether it may ask for tokens without a secret too, with PKCE or a device code."""
    tenant: str | None = None
    """The only tenant that may use it; None: all, and personal accounts."""
    permissions: frozenset[str] = frozenset()
    """The delegated permissions that its registration lists: what `.default` stands for."""
    roles: frozenset[str] = frozenset()
    """The application permissions that its registration lists."""
    secret_expired: bool = False
    mailboxes: set[str] | None = None
    """The addresses that its application permissions reach, by RBAC for Applications; None: all of the tenant."""


@dataclass
class Tenant:
    """An organization, or the place of all personal accounts."""

    id: str
    domain: str
    user_consent: Literal["allowed", "blocked"] = "allowed"
    """Whether users may agree by themselves to what reads mail. Since November 2025 most tenants say no."""
    approved: dict[str, set[str]] = field(default_factory=dict)
    """What an administrator agreed to for all, by application."""
    roles: dict[str, set[str]] = field(default_factory=dict)
    """Application permissions that an administrator granted, by application."""
    blocked: set[str] = field(default_factory=set)
    """Applications that are disabled here."""


@dataclass
class Consent:
    """What the person at the screen does next."""

    address: str | None = None
    """Who; None: whom the client hints at, else the first account."""
    denied: bool = False
    """The person says no. There is nothing to untick: it is all or nothing."""
    admin: bool = False
    """Whether the person is an administrator, who may agree for the whole organization."""
    stays: bool = False
    """Whether the person closes a page that says "need admin approval", and so never comes back."""
    cause: Cause | None = None
    """Something else that keeps the person from signing in."""


@dataclass
class Grant:
    """What one person allowed one application."""

    address: str
    application: str
    tenant: str
    scopes: frozenset[str]
    refresh_token: str
    refreshed: float
    offline: bool = True
    broken: Cause | None = None
    dead: set[str] = field(default_factory=set)
    """Refresh tokens that a newer one replaced, where old ones die."""


@dataclass(frozen=True)
class Token:
    """An access token's meaning."""

    address: str | None
    """Whose; None: the application's own."""
    application: str
    tenant: str
    scopes: frozenset[str]
    expires: float
    grant: Grant | None = None
    claims: bool = False
    """Whether it was asked for with the claims of a challenge."""


@lru_cache(maxsize=1)
def _key() -> Key:
    # One for all servers of a process: making one takes a while.
    return Key("loopback-key")


class Identity:
    """The identity platform of one server."""

    def __init__(self, clock: Clock, accounts: dict[str, Account]) -> None:
        self.application = Application()
        self.applications = {self.application.id: self.application}
        self.consent = Consent()
        """What happens at the next screens; set it anew for others."""
        self.root = LOGIN
        """Where discovery says that the endpoints are. msal takes none but https; an HTTP client that sends what goes
        to `LOGIN` to the loopback server leads it here."""
        self.qualified_scopes = True
        """Whether granted scopes come with the resource in front, as they may or may not."""
        self.old_refresh_tokens_die = False
        """Whether a refresh token works once only. The real ones work on until they expire."""
        self.tenants: dict[str, Tenant] = {CONSUMERS: Tenant(CONSUMERS, "consumers")}
        self.grants: list[Grant] = []
        self.tokens: dict[str, Token] = {}
        self.challenged: dict[str, bool] = {}
        """Addresses whose tokens need claims, with whether the person has to do something for them."""
        self.key = _key()
        self.clock = clock
        self._accounts = accounts

    # -- for tests

    def tenant(self, name: str) -> Tenant:
        """Return a tenant by its id or one of its domains, made where there is none (`acme.com`)."""
        found = self.known_tenant(name)
        if found is None:
            found = Tenant(guid(f"tenant:{name}"), name)
            self.tenants[found.id] = found
        return found

    def token(self, address: str | None, scopes: Iterable[str], *, application: str = "", tenant: str = "") -> str:
        """Return an access token without a consent; for None it is the application's own."""
        where = self._accounts[address].tenant if address else self.tenant(tenant).id
        return self.issue(address, application or self.application.id, where, frozenset(scopes), None)

    def grant(self, address: str, scopes: Iterable[str]) -> Grant:
        """Return a grant without a consent: its refresh token is what a host stores."""
        tenant = self._accounts[address].tenant
        made = Grant(address, self.application.id, tenant, frozenset(scopes), _refresh_token(), self.clock())
        self.grants.append(made)
        return made

    def break_grants(self, address: str, cause: Cause = "consent withdrawn") -> None:
        """Let an account's refresh tokens fail from now on, and its access tokens too."""
        for grant in self.grants:
            if grant.address == address:
                grant.broken = cause
        self.expire_tokens(address)

    def expire_tokens(self, address: str) -> None:
        """Let an account's access tokens expire now; a refresh helps."""
        self.tokens = {text: token for text, token in self.tokens.items() if token.address != address}

    def challenge(self, address: str, *, interactive: bool = False) -> None:
        """Let Graph refuse an account's tokens until they are asked for with the claims that it names.

        https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge. Where `interactive`, only a person
        at the screen gets such a token.
        """
        self.challenged[address] = interactive

    # -- for the server

    def known_tenant(self, name: str) -> Tenant | None:
        """Find a tenant by its id or domain."""
        bare_name = name.lower().removesuffix(".onmicrosoft.com")
        for tenant in self.tenants.values():
            if name.lower() == tenant.id or bare_name in {
                tenant.domain.lower(),
                tenant.domain.lower().partition(".")[0],
            }:
                return tenant
        return None

    def account(self, address: str) -> Account | None:
        """Find an account by any of its names."""
        found = self._accounts.get(address)
        return found or next((a for a in self._accounts.values() if address.lower() in a.addresses), None)

    def home(self, account: Account, authority: str, application: Application) -> Tenant:
        """Return the tenant that an account signs in to through an authority.

        Raises:
            Refused: it is not from there.
        """
        tenant = self.tenants[account.tenant]
        if application.tenant and tenant.id != application.tenant:
            raise Refused(SINGLE_TENANT if authority in {"common", "organizations"} else OTHER_TENANT)
        if authority == "common":
            return tenant
        if authority in {"organizations", "consumers"}:
            if account.personal != (authority == "consumers"):
                raise Refused(OTHER_TENANT)
            return tenant
        named = self.known_tenant(authority)
        if named is None:
            raise Refused(NO_TENANT)
        if named is not tenant:
            raise Refused(OTHER_TENANT)
        return tenant

    def consented(self, address: str, application: str, tenant: Tenant) -> frozenset[str]:
        """Return what was agreed to before, by the person or for all."""
        own = [g.scopes for g in self.grants if (g.address, g.application, g.broken) == (address, application, None)]
        return frozenset(IDENTITY).union(tenant.approved.get(application, ()), *own)

    def issue(
        self, address: str | None, application: str, tenant: str, scopes: frozenset[str], grant: Grant | None,
        *, claims: bool = False,
    ) -> str:  # fmt: skip
        """Return a new access token."""
        text = ("EwB4A8l6BAAU" if tenant == CONSUMERS else "eyJ0eXAiOiJKV1Qi.") + secrets.token_urlsafe(40)
        named = frozenset(bare(scope) for scope in scopes)
        self.tokens[text] = Token(address, application, tenant, named, self.clock() + LIFETIME + 1, grant, claims)
        return text

    def meaning(self, header: str) -> Token | None:
        """Return what an `Authorization` header allows, None where it is no token, an old one or a broken one."""
        token = self.tokens.get(header[7:]) if header[:7].lower() == "bearer " else None
        if token is None or token.expires <= self.clock() or (token.grant and token.grant.broken):
            return None
        return token

    def new_grant(self, account: Account, application: str, scopes: frozenset[str]) -> Grant:
        """Return a grant that is not yet known."""
        offline = "offline_access" in scopes
        return Grant(account.address, application, account.tenant, scopes, _refresh_token(), self.clock(), offline)

    def answered(
        self, grant: Grant, *, nonce: str = "", client_info: bool = False, claims: bool = False, rotate: bool = False
    ) -> Json:
        """Return the token endpoint's answer for a grant."""
        if rotate:
            if self.old_refresh_tokens_die:
                grant.dead.add(grant.refresh_token)
            else:
                self.grants.append(
                    Grant(
                        grant.address, grant.application, grant.tenant, grant.scopes, grant.refresh_token,
                        grant.refreshed, broken=grant.broken,
                    )
                )  # fmt: skip
            grant.refresh_token = _refresh_token()
        grant.refreshed = self.clock()
        # The answer lists all that was agreed to, whatever this request asks for; offline_access never.
        scopes = sorted(self.consented(grant.address, grant.application, self.tenants[grant.tenant]) | grant.scopes)
        listed = [
            scope for scope in scopes if scope != "offline_access" and (scope not in IDENTITY or scope in grant.scopes)
        ]
        access = self.issue(
            grant.address, grant.application, grant.tenant, frozenset(listed) - IDENTITY, grant, claims=claims
        )
        made: Json = {
            "token_type": "Bearer",
            "scope": " ".join(qualified(scope) if self.qualified_scopes else scope for scope in listed),
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": access,
        }
        if grant.offline:
            made["refresh_token"] = grant.refresh_token
        if "openid" in grant.scopes:
            made["id_token"] = self._id_token(grant, nonce)
        if client_info:
            account = self._accounts[grant.address]
            said = json.dumps({"uid": account.id, "utid": account.tenant}).encode()
            made["client_info"] = base64.urlsafe_b64encode(said).decode().rstrip("=")
        return made

    def _id_token(self, grant: Grant, nonce: str) -> str:
        account, now = self._accounts[grant.address], int(self.clock())
        claims = {
            "aud": grant.application, "iss": f"{self.root}/{grant.tenant}/v2.0", "iat": now, "nbf": now,
            "exp": now + 3_600,
            "oid": account.id, "sub": guid(f"{account.id}:{grant.application}"), "tid": account.tenant, "ver": "2.0",
            "name": account.name, "preferred_username": account.principal,
        }  # fmt: skip
        if "email" in grant.scopes:
            claims["email"] = account.address
        return self.key.sign(claims | ({"nonce": nonce} if nonce else {}))

    def refusal_of(self, grant: Grant) -> Refused | None:
        """Return why a grant works no more."""
        account = self._accounts.get(grant.address)
        cause = grant.broken
        if account is None:
            cause = cause or "deleted"
        elif not account.enabled:
            cause = cause or "disabled"
        if grant.application in self.tenants[grant.tenant].blocked:
            cause = cause or "application disabled"
        if grant.refreshed + INACTIVE <= self.clock():
            cause = cause or "inactive"
        return Refused(CAUSES[cause]) if cause else None


def _refresh_token() -> str:
    return "0.AXoA" + secrets.token_urlsafe(48)
