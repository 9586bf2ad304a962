"""How the identity platform refuses: an error to branch on, a suberror, and the AADSTS numbers behind them.

https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import json
import uuid
from typing import Literal, NamedTuple

from .wire import Json, Response, answer, stamp

Cause = Literal[
    "consent withdrawn", "password changed", "inactive", "expired", "disabled", "deleted", "more factors",
    "conditional access", "application disabled", "application deleted", "not assigned",
]  # fmt: skip
"""Why a refresh token works no more."""

CLAIMS = json.dumps({"access_token": {"capolids": {"essential": True, "values": ["loopback-policy"]}}})
"""What an answer asks for where a policy wants more of the person."""


class Aadsts(NamedTuple):
    """One refusal."""

    code: int
    error: str
    text: str
    suberror: str = ""
    claims: str = ""
    status: int = 400


CAUSES: dict[Cause, Aadsts] = {
    "consent withdrawn": Aadsts(
        65001, "invalid_grant",
        "The user or administrator has not consented to use the application. Send an interactive authorization request "
        "for this user and resource.", "consent_required",
    ),
    "password changed": Aadsts(
        50173, "invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        "bad_token",
    ),
    "inactive": Aadsts(
        700082, "invalid_grant", "The refresh token has expired due to inactivity.", "token_expired",
    ),
    "expired": Aadsts(
        70043, "invalid_grant",
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
        "bad_token",
    ),
    "disabled": Aadsts(50057, "invalid_grant", "The user account is disabled."),
    "deleted": Aadsts(50034, "invalid_grant", "The user account does not exist in the directory."),
    "more factors": Aadsts(
        50076, "interaction_required",
        "Due to a configuration change made by your administrator, you must use multi-factor authentication.",
        "basic_action", CLAIMS,
    ),
    "conditional access": Aadsts(
        53003, "invalid_grant", "Access has been blocked by Conditional Access policies.", "message_only", CLAIMS,
    ),
    "application disabled": Aadsts(7000112, "unauthorized_client", "Application is disabled.", status=401),
    "application deleted": Aadsts(
        700016, "unauthorized_client", "Application was not found in the directory.",
    ),
    "not assigned": Aadsts(
        50105, "invalid_grant", "Your administrator has configured the application to block users unless they are "
        "specifically granted access to it.",
    ),
}  # fmt: skip

NEEDS_ADMIN = Aadsts(
    90094, "access_denied",
    "An administrator has set a policy that prevents you from granting the permissions that the application is "
    "requesting. Contact an administrator, who can grant permissions to this application on your behalf.",
)  # fmt: skip
DECLINED = Aadsts(65004, "access_denied", "User declined to consent to access the app.")
NO_SESSION = Aadsts(50058, "login_required", "A silent sign-in request was sent but no user is signed in.")
NOT_CONSENTED = Aadsts(65001, "consent_required", CAUSES["consent withdrawn"].text)
NO_TENANT = Aadsts(90002, "invalid_tenant", "Tenant not found. Check to make sure you have the correct tenant ID.")
NO_APPLICATION = CAUSES["application deleted"]
BAD_SECRET = Aadsts(7000215, "invalid_client", "Invalid client secret provided.", status=401)
OLD_SECRET = Aadsts(7000222, "invalid_client", "The provided client secret keys are expired.", status=401)
NO_SECRET = Aadsts(
    7000218, "invalid_client",
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", status=401,
)  # fmt: skip
USED_CODE = Aadsts(54005, "invalid_grant", "OAuth2 Authorization code was already redeemed.")
BAD_CODE = Aadsts(70000, "invalid_grant", "The provided value for the input parameter 'code' is not valid.")
OLD_CODE = Aadsts(70008, "invalid_grant", "The provided authorization code or refresh token has expired.")
BAD_VERIFIER = Aadsts(501481, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied.")
OTHER_REPLY = Aadsts(500112, "invalid_client", "The reply address does not match the one of the request.", status=401)
BAD_REFRESH = Aadsts(
    9002313, "invalid_grant", "Invalid request. Request is malformed or invalid.", "bad_token",
)  # fmt: skip
BAD_SCOPE = Aadsts(70011, "invalid_scope", "The provided value for the input parameter 'scope' is not valid.")
APP_SCOPE = Aadsts(
    1002012, "invalid_scope", "The provided value for scope is not valid. Client credential flows must have a scope "
    "value with /.default suffixed to the resource identifier.",
)  # fmt: skip
OTHER_TENANT = Aadsts(50020, "invalid_grant", "User account from identity provider does not exist in tenant.")
SINGLE_TENANT = Aadsts(50194, "invalid_request", "Application is not configured as a multi-tenant application.")
NO_GRANT_TYPE = Aadsts(70003, "unsupported_grant_type", "The app requested an unsupported grant type.")
PENDING = Aadsts(70016, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending.")
DEVICE_DECLINED = Aadsts(65004, "authorization_declined", "User declined to consent to access the app.")
DEVICE_EXPIRED = Aadsts(70020, "expired_token", "The provided value for the input parameter 'device_code' has expired.")
DEVICE_UNKNOWN = Aadsts(70018, "bad_verification_code", "Invalid verification code.")


class Refused(Exception):
    """The identity platform says no."""

    def __init__(self, why: Aadsts) -> None:
        super().__init__(why.text)
        self.why = why


def described(why: Aadsts, now: float, correlation: str = "") -> Json:
    """Return a refusal as the token endpoint answers it."""
    trace, at = str(uuid.uuid4()), stamp(now).replace("T", " ")
    correlation = correlation or str(uuid.uuid4())
    text = f"AADSTS{why.code}: {why.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
    made: Json = {
        "error": why.error,
        "error_description": text,
        "error_codes": [why.code],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={why.code}",
    }
    if why.suberror:
        made["suberror"] = why.suberror
    if why.claims:
        made["claims"] = why.claims
    return made


def refusal(why: Aadsts, now: float, correlation: str = "") -> Response:
    """Answer with a refusal."""
    return answer(described(why, now, correlation), why.status)
