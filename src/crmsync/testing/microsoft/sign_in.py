"""The identity platform's endpoints: screens, tokens, device codes, an administrator's consent, discovery.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from . import aadsts, discovery
from .aadsts import Aadsts, Refused, described, refusal
from .account import CONSUMERS, Account
from .identity import AUTHORITIES, Application, Grant, Identity
from .permissions import GRAPH, bare
from .wire import Json, Request, Response, answer

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_LIFETIME = 900.0


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    method: str
    nonce: str
    client_info: bool
    claims: bool
    expires: float
    used: bool = False


@dataclass
class _Device:
    authority: str
    application: Application
    scopes: frozenset[str]
    user_code: str
    expires: float
    grant: Grant | None = None
    refused: Aadsts | None = None


class SignIn:
    """Answers below the login host."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, _Device] = {}

    def find(self, request: Request) -> tuple[str, Callable[[], Response]] | None:
        """Return the name of an endpoint and who answers; None: it is none of these."""
        tenant, _, rest = request.path.strip("/").partition("/")
        endpoints: dict[tuple[str, str], tuple[str, Callable[[Request, str], Response]]] = {
            ("GET", "oauth2/v2.0/authorize"): ("authorize", self._authorize),
            ("POST", "oauth2/v2.0/authorize"): ("authorize", self._authorize),
            ("POST", "oauth2/v2.0/token"): ("token", self._token),
            ("POST", "oauth2/v2.0/devicecode"): ("devicecode", self._device_code),
            ("GET", "v2.0/adminconsent"): ("adminconsent", self._admin_consent),
            ("GET", "adminconsent"): ("adminconsent", self._admin_consent),
            ("GET", "v2.0/.well-known/openid-configuration"): (
                "openid",
                lambda _, tenant: discovery.openid(self.identity, tenant),
            ),
            ("GET", "discovery/v2.0/keys"): ("keys", lambda *_: discovery.keys(self.identity)),
            ("GET", "discovery/instance"): ("discovery", lambda request, _: discovery.instance(self.identity, request)),
        }
        found = endpoints.get((request.method, rest))
        return (f"identity.{found[0]}", lambda: found[1](request, tenant)) if found else None

    def approve(self, user_code: str, address: str | None = None) -> None:
        """Do what the person does who types a device's code into a browser: agree, as `Identity.consent` says."""
        device = next(one for one in self._devices.values() if one.user_code == user_code)
        identity, consent = self.identity, self.identity.consent
        account = identity.account(address or consent.address or next(iter(identity._accounts)))
        assert account is not None, "there is no such account"
        try:
            device.grant = self._agreed(account, device.authority, device.application, device.scopes)
        except Refused as refused:
            declined = refused.why is aadsts.DECLINED
            device.refused = aadsts.DEVICE_DECLINED if declined else refused.why

    # -- the screen

    def _authorize(self, request: Request, authority: str) -> Response:
        asked, identity = request.form(), self.identity
        application, redirect = identity.applications.get(asked.get("client_id", "")), asked.get("redirect_uri", "")
        wrong: Aadsts | None = None
        if application is None:
            wrong = aadsts.NO_APPLICATION
        elif not urlsplit(redirect).scheme or not _registered(application, redirect):
            wrong = aadsts.OTHER_REPLY._replace(code=50011)
        elif authority not in AUTHORITIES and identity.known_tenant(authority) is None:
            wrong = aadsts.NO_TENANT
        if wrong or application is None:
            return self._page(wrong or aadsts.NO_APPLICATION)
        try:
            back = self._signed_in(application, authority, redirect, asked)
        except Refused as refused:
            walled = refused.why is aadsts.NEEDS_ADMIN and identity.consent.stays
            if walled or refused.why.error not in {
                "access_denied", "login_required", "consent_required", "interaction_required", "unauthorized_client",
                "invalid_scope",
            }:  # fmt: skip
                return self._page(refused.why)
            said = described(refused.why, identity.clock())
            back = {"error": said["error"], "error_description": said["error_description"]}
            if refused.why is aadsts.DECLINED:
                back["error_subcode"] = "cancel"
        return _sent_back(redirect, asked, back)

    def _signed_in(
        self, application: Application, authority: str, redirect: str, asked: dict[str, str]
    ) -> dict[str, str]:
        identity, consent = self.identity, self.identity.consent
        scopes = _scopes(asked.get("scope", ""), application)
        if asked.get("response_type", "code") != "code":
            raise Refused(aadsts.BAD_SCOPE)
        if asked.get("prompt") == "none" and not consent.address and not asked.get("login_hint"):
            raise Refused(aadsts.NO_SESSION)
        address = consent.address or asked.get("login_hint", "")
        account = identity.account(address) or next(iter(identity._accounts.values()), None)
        if account is None:
            raise Refused(aadsts.NO_SESSION)
        grant = self._agreed(account, authority, application, scopes, silent=asked.get("prompt") == "none")
        code = "0.AXoA" + secrets.token_urlsafe(32)
        self._codes[code] = _Code(
            grant, redirect, asked.get("code_challenge", ""), asked.get("code_challenge_method", "plain"),
            asked.get("nonce", ""), "client_info" in asked, "claims" in asked, identity.clock() + 600,
        )  # fmt: skip
        back = {"code": code, "session_state": secrets.token_hex(8)}
        if "client_info" in asked:
            back["client_info"] = identity.answered(grant, client_info=True)["client_info"]
        return back

    def _agreed(
        self,
        account: Account,
        authority: str,
        application: Application,
        scopes: frozenset[str],
        *,
        silent: bool = False,
    ) -> Grant:
        """Return what the person at the screen allows.

        Raises:
            Refused: the person, the tenant or a policy says no.
        """
        identity, consent = self.identity, self.identity.consent
        tenant = identity.home(account, authority, application)
        if consent.cause:
            raise Refused(aadsts.CAUSES[consent.cause])
        if not account.enabled:
            raise Refused(aadsts.CAUSES["disabled"])
        if application.id in tenant.blocked:
            raise Refused(aadsts.CAUSES["application disabled"])
        new = scopes - identity.consented(account.address, application.id, tenant) - {"User.Read"}
        if new and silent:
            raise Refused(aadsts.NOT_CONSENTED)
        if new and tenant.user_consent == "blocked" and not consent.admin:
            raise Refused(aadsts.NEEDS_ADMIN)
        if consent.denied:
            raise Refused(aadsts.DECLINED)
        return identity.new_grant(account, application.id, scopes)

    def _admin_consent(self, request: Request, authority: str) -> Response:
        asked, identity = request.form(), self.identity
        application, redirect = identity.applications.get(asked.get("client_id", "")), asked.get("redirect_uri", "")
        if application is None or not urlsplit(redirect).scheme or not _registered(application, redirect):
            return self._page(aadsts.NO_APPLICATION if application is None else aadsts.OTHER_REPLY._replace(code=50011))
        consent = identity.consent
        account = identity.account(consent.address or "") or next(iter(identity._accounts.values()))
        tenant = identity.known_tenant(authority) if authority not in AUTHORITIES else identity.tenants[account.tenant]
        if tenant is None:
            return self._page(aadsts.NO_TENANT)
        if consent.denied or not consent.admin:
            why = (
                aadsts.DECLINED
                if consent.denied
                else aadsts.NEEDS_ADMIN._replace(code=90093, error="permission_denied")
            )
            said = described(why, identity.clock())
            back = {"error": said["error"], "error_description": said["error_description"], "admin_consent": "True"}
            return _sent_back(redirect, asked, back | {"tenant": tenant.id})
        scopes = _scopes(asked.get("scope", f"{GRAPH}.default"), application)
        tenant.approved.setdefault(application.id, set()).update(scopes)
        tenant.roles.setdefault(application.id, set()).update(application.roles)
        named = " ".join(f"{GRAPH}{scope}" for scope in sorted(scopes))
        return _sent_back(redirect, asked, {"admin_consent": "True", "tenant": tenant.id, "scope": named})

    def _page(self, why: Aadsts) -> Response:
        # What the person reads; it never comes back to the application.
        said = described(why, self.identity.clock())["error_description"]
        title = (
            "Need admin approval" if why is aadsts.NEEDS_ADMIN else "Sorry, but we're having trouble signing you in."
        )
        return Response(
            200 if why is aadsts.NEEDS_ADMIN else 400,
            {"Content-Type": "text/html; charset=utf-8"},
            f"<title>Sign in to your account</title><h1>{title}</h1><p>{said}</p>".encode(),
        )

    # -- tokens

    def _token(self, request: Request, authority: str) -> Response:
        asked, identity = request.form(), self.identity
        kinds: dict[str, Callable[[dict[str, str], str, Application], Json]] = {
            "authorization_code": self._redeemed,
            "refresh_token": self._refreshed,
            "client_credentials": self._credentials,
            DEVICE_GRANT: self._polled,
        }
        try:
            kind = kinds.get(asked.get("grant_type", ""))
            if kind is None:
                raise Refused(aadsts.NO_GRANT_TYPE)
            if authority not in AUTHORITIES and identity.known_tenant(authority) is None:
                raise Refused(aadsts.NO_TENANT)
            return answer(kind(asked, authority, self._client(request, asked)))
        except Refused as refused:
            return refusal(refused.why, identity.clock(), request.headers.get("client-request-id", ""))

    def _client(self, request: Request, asked: dict[str, str]) -> Application:
        id_, secret = asked.get("client_id", ""), asked.get("client_secret")
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            id_, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        application = self.identity.applications.get(id_)
        if application is None:
            raise Refused(aadsts.NO_APPLICATION)
        if secret is None and (not application.public or asked.get("grant_type") == "client_credentials"):
            raise Refused(aadsts.NO_SECRET)
        if secret is not None and secret != application.secret:
            raise Refused(aadsts.BAD_SECRET)
        if secret is not None and application.secret_expired:
            raise Refused(aadsts.OLD_SECRET)
        return application

    def _redeemed(self, asked: dict[str, str], _authority: str, application: Application) -> Json:
        code, identity = self._codes.get(asked.get("code", "")), self.identity
        if code is None or code.grant.application != application.id:
            raise Refused(aadsts.BAD_CODE)
        if code.used:
            raise Refused(aadsts.USED_CODE)
        if code.expires <= identity.clock():
            raise Refused(aadsts.OLD_CODE)
        if code.redirect_uri != asked.get("redirect_uri"):
            raise Refused(aadsts.OTHER_REPLY)
        verifier = asked.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if code.challenge and code.challenge != (digest if code.method == "S256" else verifier):
            raise Refused(aadsts.BAD_VERIFIER)
        if not code.challenge and "client_secret" not in asked:
            raise Refused(aadsts.BAD_VERIFIER._replace(code=9002325, text="Proof Key for Code Exchange is required."))
        code.used = True
        identity.grants.append(code.grant)
        return identity.answered(
            code.grant,
            nonce=code.nonce,
            client_info=code.client_info or "client_info" in asked,
            claims=code.claims or "claims" in asked,
        )

    def _refreshed(self, asked: dict[str, str], authority: str, application: Application) -> Json:
        identity, text = self.identity, asked.get("refresh_token", "")
        grant = next((one for one in identity.grants if text and one.refresh_token == text), None)
        if grant is None:
            dead = any(text in one.dead for one in identity.grants)
            raise Refused(aadsts.CAUSES["password changed"] if dead else aadsts.BAD_REFRESH)
        if grant.application != application.id:
            raise Refused(aadsts.BAD_REFRESH._replace(code=700005))
        if refused := identity.refusal_of(grant):
            raise refused
        tenant = identity.home(identity._accounts[grant.address], authority, application)
        asked_for = _scopes(asked.get("scope", ""), application) if asked.get("scope") else frozenset[str]()
        # A refresh gains no permission that nobody agreed to.
        if asked_for - identity.consented(grant.address, application.id, tenant) - grant.scopes:
            raise Refused(aadsts.CAUSES["consent withdrawn"])
        claims = "claims" in asked
        if identity.challenged.get(grant.address) and claims:
            raise Refused(aadsts.CAUSES["more factors"])
        return identity.answered(grant, client_info="client_info" in asked, claims=claims, rotate=grant.offline)

    def _credentials(self, asked: dict[str, str], authority: str, application: Application) -> Json:
        identity, tenant = self.identity, self.identity.known_tenant(authority)
        if tenant is None or authority in AUTHORITIES or tenant.id == CONSUMERS:
            raise Refused(aadsts.NO_TENANT._replace(code=90023))
        if asked.get("scope") != f"{GRAPH}.default":
            raise Refused(aadsts.APP_SCOPE)
        if application.id in tenant.blocked:
            raise Refused(aadsts.CAUSES["application disabled"])
        if application.id not in tenant.roles:
            raise Refused(aadsts.NO_APPLICATION)
        roles = frozenset(tenant.roles[application.id])
        text = identity.issue(None, application.id, tenant.id, roles, None, claims="claims" in asked)
        return {"token_type": "Bearer", "expires_in": 3_599, "ext_expires_in": 3_599, "access_token": text}

    # -- devices (RFC 8628)

    def _device_code(self, request: Request, authority: str) -> Response:
        asked, identity = request.form(), self.identity
        application = identity.applications.get(asked.get("client_id", ""))
        try:
            if application is None or not application.public:
                raise Refused(aadsts.NO_APPLICATION if application is None else aadsts.NO_SECRET)
            scopes = _scopes(asked.get("scope", ""), application)
        except Refused as refused:
            return refusal(refused.why, identity.clock())
        code, user_code = secrets.token_urlsafe(64), f"L{len(self._devices) + 1:08d}"
        self._devices[code] = _Device(authority, application, scopes, user_code, identity.clock() + DEVICE_LIFETIME)
        page = f"{identity.root}/common/oauth2/deviceauth"
        return answer({
            "user_code": user_code,
            "device_code": code,
            "verification_uri": page,
            "expires_in": int(DEVICE_LIFETIME),
            "interval": 5,
            "message": f"To sign in, open the page {page} in a web browser and enter the code {user_code}.",
        })  # fmt: skip

    def _polled(self, asked: dict[str, str], _authority: str, application: Application) -> Json:
        device = self._devices.get(asked.get("device_code", ""))
        if device is None or device.application.id != application.id:
            raise Refused(aadsts.DEVICE_UNKNOWN)
        if device.expires <= self.identity.clock():
            raise Refused(aadsts.DEVICE_EXPIRED)
        if device.refused:
            raise Refused(device.refused)
        if device.grant is None:
            raise Refused(aadsts.PENDING)
        if device.grant not in self.identity.grants:
            self.identity.grants.append(device.grant)
        return self.identity.answered(device.grant, client_info="client_info" in asked)


def _scopes(text: str, application: Application) -> frozenset[str]:
    """Return the scopes that a request names, without Graph in front.

    Raises:
        Refused: they are another resource's, or none.
    """
    asked = text.split()
    foreign = [one for one in asked if "://" in one and not one.startswith((GRAPH, "https://graph.microsoft.com//"))]
    if not asked or foreign:
        raise Refused(aadsts.BAD_SCOPE)
    names = {bare(one) for one in asked}
    if ".default" in names:
        return frozenset(names - {".default"}) | application.permissions
    return frozenset(names)


def _registered(application: Application, redirect: str) -> bool:
    if application.redirect_uris is None:
        return True
    parts = urlsplit(redirect)
    # A loopback address may have any port (RFC 8252 section 7.3).
    bare_loopback = (
        f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname in {"localhost", "127.0.0.1"} else ""
    )
    return redirect in application.redirect_uris or bare_loopback in application.redirect_uris


def _sent_back(redirect: str, asked: dict[str, str], back: dict[str, str]) -> Response:
    said = {**back, **({"state": asked["state"]} if "state" in asked else {})}
    if asked.get("response_mode") == "form_post":
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in said.items()
        )
        page = f'<form method="POST" action="{redirect}">{fields}</form><script>document.forms[0].submit()</script>'
        return Response(200, {"Content-Type": "text/html"}, page.encode())
    mark = "#" if asked.get("response_mode") == "fragment" else "&" if urlsplit(redirect).query else "?"
    return Response(302, {"Location": f"{redirect}{mark}{urlencode(said)}"})
