"""crmsync's `Storage` on this CRM's own tables: three methods, some 40 lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from crmsync import Batch, Contact, Cursor, LedgerEntry, Outcome, StaleCursor
from django.db import IntegrityError, transaction

from .models import Channel, Company, Decision, Domain, EmailAddress, Link, Participant, Person, Stream

NEWER: dict[str, Any] = {
    "update_conflicts": True,
    "unique_fields": ["stream", "item_id"],
    "update_fields": ["outcome", "reason", "detail", "attempts"],
}


class OrmStorage:
    """Keeps streams, decisions and records, and this CRM's people and companies, through Django's ORM."""

    def load_cursor(self, stream: str) -> Cursor | None:
        """Return the cursor as it was stored."""
        found = Stream.objects.filter(name=stream).first()
        return Cursor(found.cursor) if found else None

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """Return the newest decision on each item."""
        lines = Decision.objects.filter(stream__name=stream)
        return [line.entry() for line in (lines.filter(outcome=outcome.value) if outcome else lines)]

    @transaction.atomic
    def apply(self, batch: Batch) -> None:
        """Apply all of a batch, or nothing."""
        stream = self._claim(batch)
        stream.links.filter(item_id__in=[*batch.deletes, *(item.id for item in batch.upserts)]).delete()
        links = [Link.of(stream, item, record) for item in batch.upserts for record in item.records]
        Link.objects.bulk_create(links)
        Participant.objects.bulk_create(
            Participant(link=k, address=a, bcc=a not in k.open_addresses) for k in links for a in k.addresses
        )
        Decision.objects.bulk_create([Decision.of(stream, entry) for entry in batch.decisions], **NEWER)
        self._ensure(batch.contacts)

    def _claim(self, batch: Batch) -> Stream:
        # The first statement takes the lock, before anything is read: of two workers one wins.
        if batch.expected is not None:
            if not Stream.objects.filter(name=batch.stream, cursor=batch.expected).update(cursor=batch.cursor):
                raise StaleCursor(batch.stream)
            return Stream.objects.get(name=batch.stream)
        try:
            channel = Channel.objects.get(key=batch.channel.key)
            return Stream.objects.create(name=batch.stream, channel=channel, cursor=batch.cursor)
        except IntegrityError:
            raise StaleCursor(batch.stream) from None

    def _ensure(self, contacts: Sequence[Contact]) -> None:
        # In one order, always: so no two workers wait for each other. A default is made only where it is needed.
        for domain, name in sorted({(who.company.domain, who.company.name) for who in contacts if who.company}):
            firm: dict[str, Any] = {"company": partial(Company.objects.create, name=name)}
            Domain.objects.get_or_create(domain=domain, defaults=firm)
        for who in sorted(contacts, key=lambda contact: contact.address):
            new: dict[str, Any] = {"person": Person.objects.create}
            address, _ = EmailAddress.objects.select_for_update().get_or_create(address=who.address, defaults=new)
            if address.person:  # else somebody deleted them
                address.person.learn(who)
