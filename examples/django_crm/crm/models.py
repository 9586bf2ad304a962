"""The CRM's tables: its people and companies, whose mail and meetings it reads, and what it has read."""

from __future__ import annotations

from typing import Any

import crmsync
from crmsync import ContactCreation, LedgerEntry, MeetingContacts, Visibility
from crmsync.rules import for_others
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from pydantic import TypeAdapter
from pydantic import ValidationError as Mistake

from .visibility import LinkQuerySet

_record: TypeAdapter[crmsync.Message | crmsync.Event] = TypeAdapter(crmsync.Record)


class LowerCaseField(models.CharField):
    """Kept and looked up in lower case: addresses and domains are the same in any."""

    def get_prep_value(self, value: Any) -> Any:
        """Write and compare in lower case."""
        return value.lower() if isinstance(value, str) else value


class Company(models.Model):
    """A company."""

    name = models.CharField()

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Domain(models.Model):
    """A domain of a company. When a company is deleted, its domains stay without one, and so it never comes back."""

    domain = LowerCaseField(unique=True)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, related_name="domains")

    def __str__(self) -> str:
        return self.domain


class Person(models.Model):
    """Somebody whom the CRM knows."""

    first_name = models.CharField(blank=True)
    last_name = models.CharField(blank=True)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True, related_name="people")

    class Meta:
        verbose_name_plural = "people"
        ordering = ["last_name", "first_name"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or str(self.addresses.first() or "(nobody)")

    def learn(self, who: crmsync.Contact) -> None:
        """Fill what is empty, and change nothing that is there."""
        if not self.first_name and not self.last_name:
            self.first_name, self.last_name = who.name.first, who.name.last
        if who.company and not self.company:
            self.company = Company.objects.filter(domains__domain=who.company.domain).first()
        self.save()


class EmailAddress(models.Model):
    """An address of a person. When a person is deleted, it stays without one, and so they never come back."""

    address = LowerCaseField(unique=True)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="addresses")

    class Meta:
        verbose_name_plural = "email addresses"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.address


def _choices(values: type[Visibility] | type[ContactCreation] | type[MeetingContacts]) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class Channel(models.Model):
    """A mailbox or a calendar of somebody's, and how they want it read."""

    key = models.SlugField(max_length=200, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="channels")
    addresses = models.TextField(help_text="The mailbox's own address and its aliases, one a line.")
    source = models.CharField(help_text="An mbox file, a Maildir, or an .ics file.")
    visibility = models.CharField(
        max_length=20,
        choices=_choices(Visibility),
        default=Visibility.METADATA.value,
        help_text="How much of it the others see. It holds at once.",
    )
    contacts = models.CharField(
        "contacts from mail", max_length=20, choices=_choices(ContactCreation), default=ContactCreation.SENT.value
    )
    meeting_contacts = models.CharField(
        "contacts from meetings",
        max_length=20,
        choices=_choices(MeetingContacts),
        default=MeetingContacts.EVERYONE.value,
    )
    selection = models.CharField(
        "folders or calendars", max_length=10, choices=[(m, m) for m in ("all", "only", "except")], default="all"
    )
    collections = models.TextField(blank=True, help_text="Only these, or all except these: one a line.")
    blocked = models.TextField(blank=True, help_text="Addresses, domains or patterns, one a line.")
    group_mail = models.BooleanField(default=False, help_text="Newsletters and other automatic mail comes in too.")
    start = models.DateField(null=True, blank=True, help_text="Nothing from before this day comes in.")

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def settings(self) -> crmsync.Channel:
        """Return what crmsync needs to know of it."""
        return crmsync.Channel.model_validate(
            {
                "key": self.key,
                "owner": str(self.owner_id),
                "addresses": self.addresses.split(),
                "visibility": self.visibility,
                "contacts": self.contacts,
                "meeting_contacts": self.meeting_contacts,
                "selection": {"mode": self.selection, "collections": _lines(self.collections)},
                "blocked": _lines(self.blocked),
                "group_mail": self.group_mail,
                "start": self.start,
                "window": {"past_days": 3_653},
            }
        )

    def clean(self) -> None:
        """Let crmsync check what was typed: it says what to type instead."""
        try:
            self.settings()
        except Mistake as mistake:
            raise ValidationError(
                {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in mistake.errors()}
            ) from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class Stream(models.Model):
    """A folder or a calendar of a channel, and how far it has been read."""

    name = models.TextField(unique=True)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="streams")
    cursor = models.TextField()

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """Why an item of a stream is here, or is not: a line of the ledger."""

    stream = models.ForeignKey(Stream, models.CASCADE, related_name="decisions")
    item_id = models.TextField()
    outcome = models.CharField(max_length=20, choices=[(o.value, o.value) for o in crmsync.Outcome])
    reason = models.CharField(max_length=30, choices=[(r.value, r.value.replace("_", " ")) for r in crmsync.Reason])
    detail = models.TextField()
    attempts = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "item_id"], name="one_decision_per_item")]
        indexes = [models.Index(fields=["stream", "outcome"], name="decision_by_outcome")]

    def __str__(self) -> str:
        return self.item_id

    @classmethod
    def of(cls, stream: Stream, entry: LedgerEntry) -> Decision:
        """Make a line of an entry."""
        said = entry.decision
        return cls(
            stream=stream, item_id=entry.id, attempts=entry.attempts,
            outcome=said.outcome.value, reason=said.reason.value, detail=said.detail,
        )  # fmt: skip

    def entry(self) -> LedgerEntry:
        """Return it as crmsync reads it."""
        decision = {"outcome": self.outcome, "reason": self.reason, "detail": self.detail}
        return LedgerEntry.model_validate({"id": self.item_id, "decision": decision, "attempts": self.attempts})


class Link(models.Model):
    """What a stream holds under an id: its copy of a message or a meeting."""

    stream = models.ForeignKey(Stream, models.CASCADE, related_name="links")
    item_id = models.TextField()
    key = models.CharField(max_length=100, db_index=True)
    thread = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=[("message", "mail"), ("event", "meeting")])
    at = models.DateTimeField(db_index=True)
    held = models.BooleanField()
    subject = models.TextField()
    text = models.TextField()
    data = models.TextField()

    addresses: set[str]  # of one that is being made
    open_addresses: set[str]  # the same without Bcc recipients, who are for the owner alone
    viewer: int  # of one that comes from `visible_to`, and of no other

    objects = LinkQuerySet.as_manager()

    class Meta:
        verbose_name = "record"
        verbose_name_plural = "records"
        indexes = [models.Index(fields=["stream", "item_id"], name="link_by_item")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.at:%d %b %Y}"  # no subject: the admin shows this to everybody

    @classmethod
    def of(cls, stream: Stream, item: crmsync.Item, record: crmsync.Message | crmsync.Event) -> Link:
        """Make the link of an item's record."""
        if isinstance(record, crmsync.Message):
            subject, text = record.subject, record.text
        else:
            subject, text = record.summary, record.description
        # Nobody overrides anything here, so what is protected is held.
        link = cls(
            stream=stream, item_id=item.id, held=item.held or item.protected, data=record.model_dump_json(),
            key=record.key, thread=record.thread, kind=record.kind, at=record.at,
            subject=subject or "", text=text or "",
        )  # fmt: skip
        link.addresses = {p.address for p in record.participants}
        link.open_addresses = {p.address for p in for_others(record).participants}
        return link

    def record(self) -> crmsync.Message | crmsync.Event:
        """Return the whole record, for nobody but the program: `crm.visibility.seen` is what a user sees of it."""
        return _record.validate_json(self.data)


class Participant(models.Model):
    """An address in a message or meeting, to find a person's by."""

    link = models.ForeignKey(Link, models.CASCADE, related_name="participants")
    address = models.TextField(db_index=True)
    bcc = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "address"], name="each_address_once")]

    def __str__(self) -> str:
        return self.address
