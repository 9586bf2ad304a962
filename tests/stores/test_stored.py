"""What a newer version stored is read by an older one, as long as both run."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from sqlalchemy import StaticPool, create_engine, text

from crmsync import Channel, Message, Policy, sync
from crmsync.stores.sql import SqlStorage
from crmsync.stores.stored import read_stored
from crmsync.testing import FakeMailbox, event, message


@pytest.mark.parametrize("record", [message("1", to="me@acme.com").records[0], event("1").records[0]])
def test_fields_that_a_newer_version_added_are_passed_over_at_any_depth(record: Message) -> None:
    data = json.loads(record.model_dump_json())
    data["importance"] = {"level": "high"}
    data["participants"] = [{**one, "photo": "x"} for one in data["participants"]]
    assert record == read_stored(type(record), json.dumps(data))


def test_what_is_damaged_is_still_an_error() -> None:
    for broken in ("nonsense", "[]", '{"participants": 7, "importance": 1}'):
        with pytest.raises(ValidationError):
            read_stored(Message, broken)


def test_a_timeline_shows_records_that_a_newer_process_stored() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    storage = SqlStorage(engine)
    channel = Channel(key="c", owner="me", addresses={"me@acme.com"})
    sync(
        FakeMailbox(message("1", sender="ann@client.example", to="me@acme.com", subject="Offer")),
        storage,
        channel,
        Policy(),
    )
    with engine.begin() as connection:
        (data,) = connection.execute(text("SELECT data FROM crmsync_records")).one()
        newer = json.dumps({**json.loads(data), "importance": "high"})
        connection.execute(text("UPDATE crmsync_records SET data = :data"), {"data": newer})
    assert 1 == storage.count("me")
    stored = storage.item("c/mailbox", "1")
    assert stored is not None
    assert "Offer" == stored.records[0].subject  # type: ignore[union-attr]  # mail
    engine.dispose()
