"""What the identity platform says of itself: https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from . import aadsts
from .aadsts import Aadsts, refusal
from .identity import AUTHORITIES, Identity
from .wire import Request, Response, answer


def openid(identity: Identity, authority: str) -> Response:
    """Answer what a tenant's endpoints are."""
    named = identity.known_tenant(authority)
    if authority not in AUTHORITIES and named is None:
        return refusal(aadsts.NO_TENANT, identity.clock())
    tenant = authority if named is None or authority in AUTHORITIES else named.id
    root = f"{identity.root}/{tenant}"
    return answer({
        "token_endpoint": f"{root}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{root}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{identity.root}/{'{tenantid}' if authority in AUTHORITIES[:2] else tenant}/v2.0",
        "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "tid", "email"],
        "tenant_region_scope": None,
        "cloud_instance_name": "microsoftonline.com",
        "msgraph_host": "graph.microsoft.com",
    })  # fmt: skip


def keys(identity: Identity) -> Response:
    """Answer the keys that identities are signed with."""
    numbers: Any = identity.key.private.public_key().public_numbers()

    def text(number: int) -> str:
        octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(octets).decode().rstrip("=")

    key = {"kty": "RSA", "use": "sig", "kid": identity.key.name, "n": text(numbers.n), "e": text(numbers.e)}
    return answer({"keys": [key]})


def instance(identity: Identity, request: Request) -> Response:
    """Answer whether an authority is Microsoft's."""
    asked = urlsplit(request.one("authorization_endpoint"))
    host = urlsplit(identity.root).netloc
    known = {host, "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}
    if asked.netloc not in known:
        return refusal(Aadsts(50049, "invalid_instance", "Unknown or invalid instance."), identity.clock())
    tenant = asked.path.strip("/").partition("/")[0]
    return answer({
        "tenant_discovery_endpoint": f"{identity.root}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": sorted(known)}],
    })  # fmt: skip
