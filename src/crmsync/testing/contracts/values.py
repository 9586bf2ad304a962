"""The clauses of what a storage can hold: `ValueClauses`, a part of `StorageContract`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ...model import Event, Item, Message
from ..fakes import event, message
from .hooks import A, StorageHooks, apply, holds, same
from .items import all_day, contact, full_event, full_message


class ValueClauses(StorageHooks):
    """Whatever mail and calendars hold comes back as it went in."""

    def test_a_record_comes_back_with_every_field(self) -> None:
        """A message and an event come back as they went in."""
        storage = self.make_storage()
        items = Item(id="m", records=[full_message()]), Item(id="e", records=[full_event()])
        apply(storage, *items)
        same(holds(*items), self.read(storage).records)

    def test_text_of_any_script_comes_back(self) -> None:
        """Emoji, right to left, combining marks, what NUL and lone surrogates leave, and none at all."""
        storage = self.make_storage()
        texts = (
            "\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea", "שלום \u202eعربى", "e\u0301 \u00e9 \ufb01",
            "a\x00b\ud800c", "\x01\x1b[2J\u2028\ufeff\uffff", "",
        )  # fmt: skip
        items = [message(f"{n}", subject=t, text=t) for n, t in enumerate(texts)]
        items.append(Item(id="none", records=[Message(message_id="none@contract.example")]))
        people = [contact(f"{n}@client.example", t, t) for n, t in enumerate(texts)]
        apply(storage, *items, contacts=people)
        found = self.read(storage)
        same(holds(*items), found.records)
        same({p.address: str(p.name) for p in people}, found.people)

    def test_a_body_of_five_megabytes_comes_back(self) -> None:
        """Nothing is cut."""
        storage = self.make_storage()
        item = message("1", text="Zeile 🧭\n" * 400_000)
        apply(storage, item)
        same(holds(item), self.read(storage).records)

    def test_the_longest_names_and_addresses_stop_no_batch(self) -> None:
        """An address has up to 320 characters and is kept whole; names have up to 400, and may be cut."""
        storage = self.make_storage()
        who = contact(f"{'a' * 64}@{'b.' * 124}example", "Ann " * 99 + "Ann", "Lee " * 99 + "Lee")
        apply(storage, message("1"), contacts=[who, contact("bea@client.example", "Bea")])
        found = self.read(storage)
        same(holds(message("1")), found.records)
        same({who.address: "Ann", "bea@client.example": "Bea"}, {a: n[:3] for a, n in found.people.items()})

    def test_times_keep_their_instant_and_microseconds(self) -> None:
        """Whatever zone they were written in, whatever zone the database or this process has."""
        storage = self.make_storage()
        moments = ("2026-03-29T01:30:00.000001+00:00", "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00.5+02:00",
                   "1601-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z")  # fmt: skip
        times = [datetime.fromisoformat(m) for m in moments]
        items = [
            *(message(f"m{n}", date=time) for n, time in enumerate(times)),
            *(event(f"e{n}", start=time, end=time, timezone="Asia/Kathmandu") for n, time in enumerate(times)),
        ]
        apply(storage, *items)
        found = self.read(storage).records
        same(holds(*items), found)
        zones = {r.at.utcoffset() for records in found.values() for r in records}
        same({timedelta(0)}, zones, "not in UTC")

    def test_all_day_dates_stay_dates(self) -> None:
        """A date has no time and no zone, neither as a start nor as an end nor as a recurrence id."""
        storage = self.make_storage()
        midnight = event("midnight", start=datetime(2026, 3, 29, tzinfo=UTC), end=datetime(2026, 3, 30, tzinfo=UTC))
        apply(storage, all_day("d"), midnight)
        found = self.read(storage).records
        same(holds(all_day("d"), midnight), found)
        starts = [r.start for r in found[A, "d"] if isinstance(r, Event)]
        same([date, date], [type(s) for s in starts], "the starts are of another type")

    def test_a_batch_may_hold_a_thousand_items(self) -> None:
        """A page is as long as its provider makes it."""
        storage = self.make_storage()
        items = [message(f"{n:04}") for n in range(1_000)]
        people = [contact(f"p{n}@client.example", f"P{n}") for n in range(1_000)]
        apply(storage, *items, contacts=people)
        found = self.read(storage)
        same(holds(*items), found.records)
        same((1_000, 1_000), (len(found.ledger), len(found.people)))
        apply(storage, items[0], deletes=[item.id for item in items[1:]])
        same(holds(items[0]), self.read(storage).records)
