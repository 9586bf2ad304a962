"""What a host sets: `Channel` for one mailbox or calendar side, `Policy` for the workspace.

These values come from people, so they are checked strictly: a mistake is a `ValidationError` that says what to
type instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .leaving import Erased
from .records import Collection, CollectionRole
from .value import Address, Many, SetOf, Value, ascii_domain, clean_address
from .visibility import Visibility


class ContactCreation(StrEnum):
    """Which people of external mail become contacts."""

    NONE = "none"
    SENT = "sent"
    """Only people the owner wrote to."""
    SENT_AND_RECEIVED = "sent_and_received"


class MeetingContacts(StrEnum):
    """Which people of external meetings become contacts."""

    NONE = "none"
    """Nobody; people who are contacts already are linked all the same."""
    ORGANIZER = "organizer"
    ATTENDEES = "attendees"
    EVERYONE = "everyone"


_SETS = (
    "addresses", "allowed", "blocked", "collections", "internal_domains", "known_contacts", "members", "protected",
    "shared_labels",
)  # fmt: skip


class _Settings(Value):
    @model_validator(mode="before")
    @classmethod
    def _not_one_string(cls, data: Any) -> Any:
        for name in _SETS if isinstance(data, dict) else ():
            if isinstance(value := data.get(name), str):
                raise ValueError(f"{name} is a set: write {{{value!r}}} instead of {value!r}")
        return data


class Selection(_Settings):
    """Which collections count: all, only the listed, or all but the listed.

    Listed by id or by name; spam, trash and drafts never count.
    """

    mode: Literal["all", "only", "except"] = "all"
    collections: SetOf[str] = frozenset()

    @model_validator(mode="after")
    def _listed(self) -> Self:
        if self.mode == "all" and self.collections:
            raise ValueError("mode 'all' takes no collections; choose 'only' or 'except'")
        return self

    def chooses(self, collection: Collection) -> bool:
        """Tell whether one folder, label or calendar is chosen: listed by id, by name, or by role (`inbox`, `sent`)."""
        if self.mode == "all":
            return True
        found = collection.id in self.collections or collection.name in self.collections
        found = found or (collection.role is not CollectionRole.NONE and collection.role.value in self.collections)
        return found is (self.mode == "only")


class Window(Value):
    """The days around today for which recurring events are expanded."""

    past_days: int = Field(default=365, ge=0, le=3_653)
    future_days: int = Field(default=365, ge=0, le=3_653)


_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_AT_HOME = re.compile(rf"@(?:localhost|(?:{_LABEL}\.)+(?:local|localhost|test|invalid))\Z", re.IGNORECASE)
_TOP_LEVEL = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PATTERN = re.compile(r"[^@\s]+@[^@\s]+|[^@\s]+")


def _typed_address(value: Any) -> Any:
    """Check what a person typed as an address."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    # Mailboxes in a company's own network are real, and all that is special about them is their domain.
    checked = f"{text[: at_home.start()]}@example.com" if (at_home := _AT_HOME.search(text)) else text
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - not loaded before it is needed

    try:
        validate_email(checked, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is not an email address: {error} Write one such as 'ann@example.com'.") from None
    return clean_address(text)


def _typed_domain(value: Any) -> Any:
    """Check what a person typed as a domain; a leading @ is welcome."""
    if not isinstance(value, str):
        return value
    domain = ascii_domain(value.strip().removeprefix("@"))
    if "@" in domain:
        raise ValueError(f"{value!r} is an address; a domain such as 'example.com' is expected")
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise ValueError(f"{value!r} is not a domain; one such as 'example.com' is expected")
    if "." not in domain and domain != "localhost":
        raise ValueError(f"{value!r} is not a whole domain; one such as '{domain}.com' is expected")
    return domain


def _typed_entry(value: Any) -> Any:
    """Check a blocklist or allow-list entry: an address, a domain (with its subdomains), or a wildcard."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if "*" in text:
        if not _PATTERN.fullmatch(text) or not text.replace("*", "").strip("@."):
            raise ValueError(f"{value!r} would match everything or nothing; write one such as '*@example.com'")
        local, at, domain = text.rpartition("@")
        return local + at + ".".join(label if "*" in label else ascii_domain(label) for label in domain.split("."))
    if "@" in text.removeprefix("@"):
        return _typed_address(text)
    if text[:1] in ("@", ".") and _TOP_LEVEL.fullmatch(ascii_domain(text[1:])):
        return "@" + ascii_domain(text[1:])
    return "@" + _typed_domain(text)


TypedAddress = Annotated[str, BeforeValidator(_typed_address)]
"""An address a person typed: checked, lower case."""

TypedDomain = Annotated[str, BeforeValidator(_typed_domain)]
"""A domain a person typed: checked, lower case, without @."""

Entry = Annotated[str, BeforeValidator(_typed_entry)]
"""An entry of a blocklist or allow-list.

`ann@example.com` is that address, `example.com` or `@example.com` that domain and its subdomains (never a
look-alike), `.example` a whole top-level domain, and `*` stands for any characters: `news*@example.com`,
`*@*.example.com`.
"""


def _one_address(value: frozenset[str]) -> frozenset[str]:
    if not value:
        raise ValueError("a channel needs at least the account's own address")
    return value


class Channel(_Settings):
    """The mail or the calendar side of one account, with its owner's settings."""

    key: str = Field(min_length=1, max_length=200, pattern=r"^[^/\x00-\x1f]+$")
    """The host's name for this channel; unique in the workspace, never reused, without a slash."""
    addresses: Annotated[SetOf[TypedAddress], AfterValidator(_one_address)]
    """The mailbox's own address and its aliases."""
    owner: str = ""
    """The member who owns it, in the host's terms; the channel's key where it is not said."""
    visibility: Visibility = Visibility.EVERYTHING
    """How much the other members see."""
    shared_labels: SetOf[str] = frozenset()
    """Where any are named, only what lies in one of these folders, labels or calendars (by id or name) is shared."""
    shared_known_only: bool = False
    """Whether only what somebody of `Policy.known_contacts` takes part in is shared."""
    contacts: ContactCreation = ContactCreation.SENT
    """Which people of mail become contacts."""
    meeting_contacts: MeetingContacts = MeetingContacts.EVERYONE
    """Which people of meetings become contacts."""
    consumer_contacts: bool = True
    """Whether people at consumer providers (Gmail, Outlook …) become contacts."""
    group_contacts: bool = False
    """Whether group addresses (info@, no-reply@ …) become contacts."""
    declined_contacts: bool = True
    """Whether meetings that the owner declined create contacts."""
    largest_meeting: int | None = Field(default=None, ge=1)
    """Meetings with more participants than this create no contacts; None for no limit."""
    selection: Selection = Selection()
    blocked: SetOf[Entry] = frozenset()
    """The owner's blocklist."""
    group_mail: bool = False
    """Whether mail from group addresses and automatic mail comes in."""
    invitation_mail: bool = False
    """Whether mail that is nothing but a calendar message comes in; the calendar brings it too."""
    known_contacts_only: bool = False
    """Whether only mail with somebody of `Policy.known_contacts` comes in."""
    start: date | None = None
    """Nothing from before this day (UTC) comes in."""
    window: Window = Window()

    @model_validator(mode="before")
    @classmethod
    def _owner(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("owner") and isinstance(data.get("key"), str):
            return {**data, "owner": data["key"]}
        return data


class Policy(_Settings):
    """What holds for the whole workspace."""

    internal_domains: SetOf[TypedDomain] = frozenset()
    """The workspace's own domains, with their subdomains, beside those of its members' work addresses."""
    members: SetOf[TypedAddress] = frozenset()
    """Every address of every member."""
    internal_mail: bool = False
    """Whether mail and meetings among the workspace's own people come in."""
    blocked: SetOf[Entry] = frozenset()
    """The workspace's blocklist."""
    allowed: SetOf[Entry] = frozenset()
    """Whom neither a blocklist nor the rules for group and automatic mail may exclude."""
    known_contacts: SetOf[Address] = frozenset()
    """Who is a contact already, for channels with `known_contacts_only` or `shared_known_only`."""
    protected: SetOf[Entry] = frozenset()
    """Whose mail and meetings nobody but their owner sees, whatever anybody shares: a lawyer, a doctor, a board."""
    erased: Many[Erased] = ()
    """Who was erased: nothing of theirs comes in. A storage that erases adds its own (`Departures.erased`)."""
    keep_from: date | None = None
    """Nothing from before this day (UTC) is kept, in any channel: for a retention period, a host moves it on."""
    strictest: bool = False
    """Where several owners hold copies of one record: whether the strictest decides, not the most generous."""
    hold_sensitive: bool = True
    """Whether one-time codes and password resets are for their owner only, at any visibility."""
    max_deletion_share: float = Field(default=0.5, gt=0, le=1)
    """Removing more than this share of a stream in one run needs `allow_mass_deletion`."""
    max_deletion_free: int = Field(default=20, ge=0)
    """Up to this many removals in one run never ask."""
    max_attempts: int = Field(default=5, ge=1, le=100)
    """How often an unreadable item is tried before it stays in quarantine; and how often, at least twice, something is
    looked for before it is taken for gone where nothing else says so."""
    deletion_grace: int = Field(default=288, ge=0)
    """For how many runs a removal waits for another stream of the channel that fails."""


def entries_of(member: str, entries: Iterable[tuple[str | None, str]]) -> tuple[frozenset[str], frozenset[str]]:
    """Split a host's blocklist rows, (member or None, entry), into this member's and the workspace's.

    A row whose member has left belongs to nobody: it is dropped, never widened to the workspace. That only
    works where the host keeps the member's id with the row, so a row of a missing member must not become None.
    """
    rows = list(entries)
    return (
        frozenset(entry for owner, entry in rows if owner == member),
        frozenset(entry for owner, entry in rows if owner is None),
    )
