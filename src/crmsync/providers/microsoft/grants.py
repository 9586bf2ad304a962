"""What the identity platform's refusals mean: by its codes, never by the wording of a message.

See https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import CrmSyncError, NeedsAdmin, NotAuthorized, Unavailable

APPROVAL = (
    "an administrator of the organisation has to approve this program before anybody there can connect; send them the "
    "request, and connect again once it is approved"
)
_OFF = "the organisation has switched this program off; its administrator can allow it again"
_ASSIGN = "the organisation lets only chosen people use this program; an administrator can add this one"
_POLICY = (
    "a policy of the organisation does not let this program in (Conditional Access); an administrator can say under "
    "which conditions it does"
)
_OTHERS = "this account belongs to another organisation than the program asks; choose another account"
_DECLINED = "the permission was not given; connect again and agree"
_ENDED = "Microsoft has ended this connection: {why}; connect again"
_REVOKED = "the permission was taken back"
_SIGN_IN = "Microsoft asks for a new sign-in, with a second factor it may be; connect again"
_LATE = "the code was not entered in time; begin again"
_BUSY = "Microsoft's sign-in is busy; try again later"

Said = tuple[type[CrmSyncError], str]

_BY_CODE: Mapping[int, Said] = {
    **dict.fromkeys((90093, 90094, 90095, 90099, 900941), (NeedsAdmin, APPROVAL)),
    **dict.fromkeys((7000112, 7000114), (NeedsAdmin, _OFF)),
    **dict.fromkeys((53000, 53001, 53002, 53003, 53004, 530031, 530032, 530034), (NeedsAdmin, _POLICY)),
    **dict.fromkeys((50020, 50194, 50128, 90002, 90072), (NotAuthorized, _OTHERS)),
    **dict.fromkeys((50072, 50074, 50076, 50079, 50158), (NotAuthorized, _SIGN_IN)),
    50105: (NeedsAdmin, _ASSIGN),
    65004: (NotAuthorized, _DECLINED),
    50173: (NotAuthorized, _ENDED.format(why="its password was changed, or all its sign-ins were ended")),
    50057: (NotAuthorized, _ENDED.format(why="the account is switched off")),
    50034: (NotAuthorized, _ENDED.format(why="the account is gone")),
    700082: (NotAuthorized, _ENDED.format(why="it was not used for 90 days")),
    70043: (
        NotAuthorized, _ENDED.format(why="the organisation asks for a sign-in from time to time, and it is due"),
    ),
    65001: (NotAuthorized, _ENDED.format(why=_REVOKED)),
}  # fmt: skip
_BY_ERROR: Mapping[str, Said] = {
    **dict.fromkeys(("temporarily_unavailable", "server_error", "slow_down"), (Unavailable, _BUSY)),
    **dict.fromkeys(("interaction_required", "login_required"), (NotAuthorized, _SIGN_IN)),
    **dict.fromkeys(("access_denied", "authorization_declined"), (NotAuthorized, _DECLINED)),
    **dict.fromkeys(
        ("expired_token", "bad_verification_code", "authorization_pending", "code_expired"), (NotAuthorized, _LATE)
    ),
    "permission_denied": (NeedsAdmin, APPROVAL),
    "invalid_tenant": (NotAuthorized, _OTHERS),
    "consent_required": (NotAuthorized, _ENDED.format(why=_REVOKED)),
    "invalid_grant": (NotAuthorized, _ENDED.format(why="it was revoked, or has ended")),
}
_PROGRAM = frozenset({
    "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_grant_type",
    "invalid_resource", "unsupported_response_type",
})  # fmt: skip

_URI = re.compile(r"[?&]code=(\d{4,9})\b")
_NUMBER = re.compile(r"AADSTS(\d{4,9}):")


def codes_of(result: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of a refusal: as the token endpoint lists them, or as a redirect names them."""
    said, uri, description = (result.get(name) for name in ("error_codes", "error_uri", "error_description"))
    found = {code for code in said if isinstance(code, int)} if isinstance(said, list) else set()
    if isinstance(uri, str) and (number := _URI.search(uri)):
        found.add(int(number[1]))
    # In a redirect the number may stand only in front of the description, always in this form.
    if not found and isinstance(description, str) and (number := _NUMBER.match(description)):
        found.add(int(number[1]))
    return frozenset(found)


def grant_error(result: Mapping[str, Any]) -> CrmSyncError:
    """Return what a refusal means: final for the account, for its organisation, for the program, or for now."""
    codes = codes_of(result)
    error, suberror = (value if isinstance(value := result.get(n), str) else "" for n in ("error", "suberror"))
    said = next((said for code, said in _BY_CODE.items() if code in codes), None)
    said = said or _BY_ERROR.get(suberror) or _BY_ERROR.get(error)
    if said is None and error in _PROGRAM:
        number = f", {min(codes)}" if codes else ""
        said = (
            NeedsAdmin,
            f"this program is not set up rightly at Microsoft ({error}{number}); whoever runs it has to check client "
            "id, secret, redirect address and permissions",
        )
    kind, words = said or (Unavailable, "Microsoft's sign-in answers what makes no sense; try again later")
    return kind(words)


__all__ = ["APPROVAL", "codes_of", "grant_error"]
