"""People and the organization: https://learn.microsoft.com/en-us/graph/api/resources/user."""

from __future__ import annotations

from collections.abc import Callable

from .account import CONSUMERS, Account
from .permissions import ORGANIZATION, SETTINGS, USER_READ
from .routes import Call, Route
from .wire import Json, Problem, bad_request, stamp

_SHOWN: dict[str, Callable[[Account], object]] = {
    "businessPhones": lambda _: [],
    "displayName": lambda a: a.name,
    "givenName": lambda a: a.name.split()[0],
    "jobTitle": lambda _: None,
    # A personal account has it empty where its name is no mailbox.
    "mail": lambda a: a.address if a.licensed else None,
    "mobilePhone": lambda _: None,
    "officeLocation": lambda _: None,
    "preferredLanguage": lambda _: None,
    "surname": lambda a: a.name.split()[-1] if " " in a.name else None,
    "userPrincipalName": lambda a: a.principal,
}
_ON_SELECT: dict[str, Callable[[Account], object]] = {
    "accountEnabled": lambda a: a.enabled,
    "proxyAddresses": lambda a: [] if a.personal else a.proxies,
    "otherMails": lambda _: [],
    "userType": lambda _: "Member",
    "mailNickname": lambda a: a.address.partition("@")[0],
    "createdDateTime": lambda _: stamp(1_600_000_000),
    "companyName": lambda _: None,
    "imAddresses": lambda a: [one[4:] for one in a.others_proxies if one.startswith("SIP:")],
}


def user_json(account: Account, select: list[str]) -> Json:
    """Return a user: the selected properties, or those that come by themselves."""
    every = {**_SHOWN, **_ON_SELECT}
    names = [name for name in select if name not in {"id", "mailboxSettings"}]
    if unknown := set(names) - every.keys():
        raise bad_request(
            f"Could not find a property named '{min(unknown)}' on type 'microsoft.graph.user'.", "BadRequest"
        )
    return {"id": account.id, **{name: every[name](account) for name in (names if select else _SHOWN)}}


def settings_json(account: Account) -> Json:
    """Return a mailbox's settings."""
    return {
        "archiveFolder": account.mailbox.folder("archive").id,
        "timeZone": account.time_zone,
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "dateFormat": "yyyy-MM-dd",
        "timeFormat": "HH:mm",
        "userPurpose": account.kind,
        "automaticRepliesSetting": {
            "status": "disabled", "externalAudience": "none", "internalReplyMessage": "", "externalReplyMessage": "",
        },
        "language": {"locale": "en-US", "displayName": "English (United States)"},
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": account.time_zone},
        },
    }  # fmt: skip


def _get(call: Call) -> Json:
    context = f"{call.server.url}/v1.0/$metadata#users/$entity"
    made = {"@odata.context": context, **user_json(call.account, call.select)}
    if "mailboxSettings" in call.select:
        if call.account.kind not in {"user"} and not call.token.scopes & SETTINGS:
            raise Problem(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        made["mailboxSettings"] = settings_json(call.account)
    return made


def _settings(call: Call) -> Json:
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/mailboxSettings"
    return {"@odata.context": context, **settings_json(call.account)}


def _purpose(call: Call) -> Json:
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/mailboxSettings/userPurpose"
    return {"@odata.context": context, "value": call.account.kind}


def _organization(call: Call) -> Json:
    context = f"{call.server.url}/v1.0/$metadata#organization"
    tenant = call.server.identity.tenants[call.token.tenant]
    if tenant.id == CONSUMERS:
        return {"@odata.context": context, "value": []}
    names = [{"name": tenant.domain, "type": "Managed", "isDefault": True, "isInitial": False, "capabilities": "Email"}]
    names.append(
        {
            **names[0],
            "name": f"{tenant.domain.partition('.')[0]}.onmicrosoft.com",
            "isDefault": False,
            "isInitial": True,
        }
    )
    made = {"id": tenant.id, "displayName": tenant.domain.partition(".")[0].title(), "verifiedDomains": names}
    return {"@odata.context": context, "value": [{name: made[name] for name in call.select or made if name in made}]}


ROUTES = [
    Route("users.get", "GET", "", USER_READ, _get, mailbox=False),
    Route("users.mailboxSettings", "GET", "mailboxSettings", SETTINGS, _settings),
    Route("users.mailboxSettings.userPurpose", "GET", "mailboxSettings/userPurpose", SETTINGS, _purpose),
    Route("organization.list", "GET", "/organization", ORGANIZATION, _organization, mailbox=False),
]
