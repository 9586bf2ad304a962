"""The workspace: who its members are, what may come in, and which files and accounts each channel reads.

It comes from `crmsync.toml`, or from the options of one command. Both are checked by the same models, so a mistake
is told with the key it was made in and with what to write instead.

    database = "crmsync.db"              # beside this file, unless --db says otherwise

    [members]                            # everybody with all their addresses, with or without a channel
    mia = ["mia@acme.example", "m.lindqvist@acme.example"]

    [policy]                             # crmsync.Policy, but for `members`
    internal_domains = ["acme.example"]

    [channels.mia-mail]                  # crmsync.Channel; the table's name is its key, where it reads a file
    owner = "mia"
    source = "mia.mbox"                  # mbox, Maildir, folder of .eml files, .ics
    visibility = "subject"

    [channels.mia-live]
    owner = "mia"
    account = "mia@acme.example"         # connected by `crmsync connect`; type = "calendar" for its calendars

A connected account that no channel names is read too, with the settings that every channel begins with. What an account
brings is one channel for its mail and one for its calendars, whoever names it: settings that are written down later, or
under another name, hold for what is there.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError

from ..model import Channel, Policy, TypedAddress, Value
from ..runtime import Account as Connected
from ..runtime import AccountFile, Kind, service_of
from .failures import Mistake
from .sources import kind_of
from .streams import safe

FILE = "crmsync.toml"
DATABASE = "crmsync.db"
_LISTS = frozenset({
    "addresses", "allowed", "blocked", "collections", "internal_domains", "known_contacts",
})  # fmt: skip


def _nameable(path: str) -> str:
    if "\0" in path or not path:
        raise ValueError("is not the name of a file")
    return path


PathText = Annotated[str, AfterValidator(_nameable)]
"""What the operating system takes for a path."""


class Origin(Value):
    """Where a channel's items come from."""

    source: PathText | None = None
    """A path, relative to the workspace file."""
    account: str | None = None
    """The name of a connected account, in place of a path."""
    type: Literal["mail", "calendar"] | None = None
    """Told by the path where it is not said."""
    timezone: str | None = None
    """For calendars: the zone of times that name none, as an IANA name."""


class Account(NamedTuple):
    """A channel and what it reads: a file, or a connected account."""

    channel: Channel
    path: Path | None
    kind: Kind
    zone: str | None = None
    connected: Connected | None = None
    table: str | None = None
    """Its table's name in the workspace file, where that has one for it."""

    @property
    def reads(self) -> str:
        """What it reads, in few words."""
        if self.connected is not None:
            return self.connected.name
        return self.path.name if self.path is not None else ""

    @property
    def source(self) -> str:
        """What it reads, in full."""
        return self.connected.name if self.connected is not None else str(self.path)


class Workspace(NamedTuple):
    """All that a command needs to know."""

    database: Path
    policy: Policy = Policy()
    members: Mapping[str, frozenset[str]] = {}
    accounts: tuple[Account, ...] = ()
    file: Path | None = None
    """None where the options said it all."""


def load(file: Path | None, database: Path | None) -> Workspace:
    """Read the workspace file: the one given, else the one of the current directory, else none.

    Raises:
        Mistake: it cannot be read, or something in it is wrong.

    """
    if file is not None and file.is_dir():
        file /= FILE
    found = file or Path(FILE)
    if file is None and not found.exists():
        where = database or Path(DATABASE)
        connected = accounts_of(where)
        members = {account.address: account.addresses for account in connected.values()}
        return Workspace(
            database=where,
            policy=Policy(members=frozenset(one for account in connected.values() for one in account.addresses)),
            members=members,
            accounts=tuple(_unnamed(connected, (), members)),
        )
    data = _parsed(found)
    unknown = sorted(data.keys() - {"database", "members", "policy", "channels"})
    if unknown:
        raise _wrong(found, unknown[0], _no_setting(unknown[0], ("database", "members", "policy", "channels")))
    named = _checked(TypeAdapter(PathText), data.get("database", DATABASE), found, "database")
    members = _members(found, _table(found, data, "members"))
    policy = {**_table(found, data, "policy")}
    if "members" in policy:
        raise _wrong(found, "policy.members", "is told by the table [members]; take it out here")
    policy["members"] = frozenset(address for addresses in members.values() for address in addresses)
    where = database or found.parent / named
    connected = accounts_of(where)
    channels = _table(found, data, "channels")
    accounts = [_account(found, key, _table(found, channels, key, "channels."), members, connected) for key in channels]
    _expect_one_each(found, accounts)
    return Workspace(
        database=where,
        policy=_checked(Policy, policy, found, "policy"),
        members=members,
        accounts=(*accounts, *_unnamed(connected, accounts, members)),
        file=found,
    )


def database_of(file: Path | None, database: Path | None) -> Path:
    """Return where the database is, for a command that needs nothing else of the workspace.

    Raises:
        Mistake: the workspace file cannot be read.

    """
    if file is not None and file.is_dir():
        file /= FILE
    found = file or Path(FILE)
    if database is not None or (file is None and not found.exists()):
        return database or Path(DATABASE)
    named: str = _checked(TypeAdapter(PathText), _parsed(found).get("database", DATABASE), found, "database")
    return found.parent / named


def accounts_of(database: Path) -> Mapping[str, Connected]:
    """Return the connected accounts by name; they are kept beside the database.

    Raises:
        StorageError: their file cannot be read.

    """
    file = database.with_name(f"{database.stem}.accounts")
    return AccountFile(file).load()


def _unnamed(
    connected: Mapping[str, Connected], named: Iterable[Account], members: Mapping[str, frozenset[str]]
) -> Iterator[Account]:
    """Yield channels for what connected accounts offer and no channel of the workspace file names."""
    done = {(account.connected.name, account.kind) for account in named if account.connected is not None}
    for name, account in sorted(connected.items()):
        owner = next((m for m, addresses in members.items() if addresses & account.addresses), account.address)
        for kind in (Kind.CALENDAR, Kind.MAIL):
            if service_of(account, kind) and (name, kind) not in done:
                channel = Channel(key=channel_key(kind, name), owner=owner, addresses=account.addresses)
                yield Account(channel, None, kind, connected=account)


def from_options(
    paths: Sequence[Path], addresses: Sequence[str], database: Path | None, settings: dict[str, Any], policy: Policy
) -> Workspace:
    """Make the workspace of a command that names files: one owner, one channel a path.

    A channel's key is made from its path, so that the same file is the same channel next time.
    """
    own = frozenset(addresses)
    owner = addresses[0]
    accounts = {}
    for path in paths:
        whole = Path(os.path.realpath(path))  # which a loop of links does not stop, as it does `resolve`
        digest = hashlib.sha256(str(whole).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        key = f"{safe(whole.name).replace('/', '-')[:100]}#{digest}"
        channel = Channel.model_validate({"key": key, "owner": owner, "addresses": own, **settings})
        accounts[key] = Account(channel, path, kind_of(path))
    return Workspace(
        database=database or Path(DATABASE), policy=policy, members={owner: own}, accounts=tuple(accounts.values())
    )


def is_of_path(key: str) -> bool:
    """Tell whether a channel's key is one that `from_options` makes of a path."""
    return re.search(r"#[0-9a-f]{8}$", key) is not None


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{file} is not there", "Give the path of a crmsync.toml, or of its folder.") from None
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"{file} is not UTF-8 text", "Save it as UTF-8, which TOML asks for.") from None
    except tomllib.TOMLDecodeError as error:
        raise Mistake(f"{file} is not valid TOML: {error}") from None


def _table(file: Path, data: Mapping[str, Any], key: str, within: str = "") -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(file, f"{within}{key}", f"has to be a table: [{within}{key}]")
    return value


def _members(file: Path, data: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    members: dict[str, frozenset[str]] = {}
    for name, addresses in data.items():
        given = [addresses] if isinstance(addresses, str) else addresses
        members[name] = frozenset(_checked(TypeAdapter(list[TypedAddress]), given, file, f"members.{name}"))
    return members


def _account(
    file: Path,
    key: str,
    data: dict[str, Any],
    members: Mapping[str, frozenset[str]],
    accounts: Mapping[str, Connected],
) -> Account:
    where = f"channels.{key}"
    settings = {name: value for name, value in data.items() if name not in Origin.model_fields}
    if "key" in settings:
        raise _wrong(file, f"{where}.key", "is the table's name already; take it out here")
    origin = _checked(
        Origin, {name: data[name] for name in Origin.model_fields if name in data}, file, where, also=Channel
    )
    owner = settings.get("owner", key)
    connected = _connected(file, where, origin, accounts)
    if "addresses" not in settings and connected is not None:
        settings["addresses"] = connected.addresses | members.get(owner, frozenset())
    elif "addresses" not in settings:
        if owner not in members:
            raise _wrong(file, f"{where}.owner", f"{owner!r} is not one of [members]; add them, or give `addresses`")
        settings["addresses"] = members[owner]
    if isinstance(selection := settings.get("selection"), dict):
        settings["selection"] = _with_sets(selection)
    kind = Kind(origin.type or Kind.MAIL)
    identity = key if connected is None else channel_key(kind, connected.name)
    channel = _checked(Channel, {"owner": key, **settings, "key": identity}, file, where, also=Origin)
    if origin.timezone is not None and origin.timezone not in available_timezones():
        raise _wrong(file, f"{where}.timezone", f"{origin.timezone!r} is no IANA time zone such as 'Europe/Berlin'")
    if connected is not None or origin.source is None:
        return Account(channel, None, kind, origin.timezone, connected, key)
    path = file.parent / origin.source
    return Account(channel, path, kind if origin.type else kind_of(path), origin.timezone, table=key)


def channel_key(kind: Kind, account: str) -> str:
    """Return the key of an account's mail or calendars: the same, however their settings are written."""
    return f"{kind.value}:{account}"


def _expect_one_each(file: Path, accounts: Iterable[Account]) -> None:
    named: dict[str, str] = {}
    for one in accounts:
        key, table = one.channel.key, one.table or ""
        if key in named:
            raise _wrong(file, f"channels.{table}", f"reads what channels.{named[key]} reads; write one table")
        named[key] = table


def _connected(file: Path, where: str, origin: Origin, accounts: Mapping[str, Connected]) -> Connected | None:
    if origin.account is None:
        if origin.source is None:
            raise _wrong(file, f"{where}.source", "is missing; give a path, or `account` with a connected account")
        return None
    if origin.source is not None:
        raise _wrong(file, f"{where}.account", "stands beside `source`; a channel reads one of the two")
    if origin.account not in accounts:
        known = f"; there is {', '.join(sorted(accounts))}" if accounts else ""
        raise _wrong(
            file, f"{where}.account",
            f"{origin.account!r} is not connected{known}. Connect it: crmsync connect imap {safe(origin.account)}",
        )  # fmt: skip
    return accounts[origin.account]


def _with_sets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Make sets of lists, which TOML has instead; a list of one may be written without its brackets."""
    read = {name: [value] if name in _LISTS and isinstance(value, str) else value for name, value in data.items()}
    return {
        name: frozenset(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
        for name, value in read.items()
    }


def _checked(model: Any, data: Any, file: Path, where: str, *, also: type[BaseModel] | None = None) -> Any:
    """Validate a part of the file; the first mistake is told with its key."""
    try:
        if isinstance(model, TypeAdapter):
            return model.validate_python(data)
        return model.model_validate(_with_sets(data))
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(step) for step in first["loc"] if isinstance(step, str)]
        if first["type"] == "extra_forbidden":
            known = [*model.model_fields, *(also.model_fields if also else ())]
            raise _wrong(file, f"{where}.{path[-1]}", _no_setting(path[-1], known)) from None
        raise _wrong(file, ".".join([where, *path]), _said(first)) from None


def _said(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    said = str(error["msg"]).removeprefix("Value error, ")
    return said if isinstance(error["input"], dict | list | frozenset) else f"{said} (not {error['input']!r})"


def _no_setting(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"is no setting; did you mean {near[0]!r}?" if near else f"is no setting; there are {', '.join(known)}"


def _wrong(file: Path, key: str, what: str) -> Mistake:
    return Mistake(f"{file}: {key}: {what}")
