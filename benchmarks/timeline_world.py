"""A workspace of any size for `timelines.py`: loaded by bulk statements, in the form that the store would give it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from crmsync.model import Company, PersonName
from crmsync.stores.paging import micros
from crmsync.stores.reading import company_order, person_order
from crmsync.stores.sql.names import COMPANY, PERSON
from crmsync.stores.sql.words import _head, stretch_of
from crmsync.stores.words import words_in, words_of_company, words_of_person

NOW = datetime(2026, 1, 5, tzinfo=UTC)
YEARS = 10
MEMBERS = 10
SHARED = ["everything"] * 6 + ["subject", "metadata", "private", "private"]
"""What each member shares."""

BIG_PERSON, BIG_COMPANY, BIG_THREAD = "big@firm0.example", "firm0.example", "t-big"
"""Take part in a tenth, a fifth and a hundredth of all records."""

COMMON, SOME, RARE = "report", "quarterly", "zanzibar"
"""Words in every second text, in one of a hundred, and in ten of all."""

_FIRST = ("Ann", "Ben", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Ida", "Jon", "Kim", "Lea", "Max", "Nia", "Ola")
_LAST = (
    "Aas",
    "Berg",
    "Conti",
    "Doe",
    "Eder",
    "Fox",
    "Garcia",
    "Hill",
    "Ito",
    "Jones",
    "Kern",
    "Lang",
    "Moor",
    "Nowak",
)
_VOCABULARY = tuple(
    f"{a}{b}{c}" for a in ("ba", "ce", "di", "fo", "gu") for b in ("la", "me", "ni") for c in ("rt", "st")
)


def people_of(count: int) -> int:
    """Return how many people a workspace of so many records has."""
    return max(20, count // 10)


def companies_of(count: int) -> int:
    """Return how many companies."""
    return max(5, count // 50)


def load(engine: Engine, count: int) -> None:
    """Fill an empty store with so many records."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -200000")
        _channels(connection)
        _people(connection, count)
        _records(connection, count)
        _derive(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if connection.dialect.name == "sqlite" else "VACUUM ANALYZE")


def _bulk(connection: Connection, table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    driver = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" for _ in columns.split(","))
        driver.executemany(f"INSERT INTO crmsync_{table}({columns}) VALUES ({places})", rows)
        return
    with driver.copy(f"COPY crmsync_{table}({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _channels(connection: Connection) -> None:
    channels, streams = [], []
    for number, level in enumerate(SHARED):
        settings = json.dumps({"addresses": [f"member{number}@ours.example"]})
        channels.append((f"c{number}", f"member{number}", level, settings))
        streams.append((number + 1, f"c{number}/INBOX", f"c{number}", "-"))
    _bulk(connection, "channels", "key, owner, visibility, settings", channels)
    _bulk(connection, "streams", "id, name, channel, cursor", streams)


def _address(person: int, count: int) -> str:
    return BIG_PERSON if person == 0 else f"p{person}@firm{person % companies_of(count)}.example"


def _people(connection: Connection, count: int) -> None:
    persons, addresses, companies, names = [], [], [], set()
    for number in range(people_of(count)):
        name = PersonName(first=_FIRST[number % 15], last=f"{_LAST[number % 14]}{number // 210 or ''}")
        address = _address(number, count)
        place = person_order(name, [address])
        persons.append((number + 1, name.first, name.last, address.partition("@")[2], False, place))
        addresses.append((address, number + 1, 0))
        names |= {(PERSON, word, place) for word in words_of_person(name, [address])}
    for number in range(companies_of(count)):
        company = Company(domain=f"firm{number}.example", name=f"Firm {number}")
        companies.append((company.domain, company.name, company_order(company)))
        names |= {(COMPANY, w, company_order(company)) for w in words_of_company(company.name, company.domain)}
    _bulk(connection, "people", "id, first, last, company, deleted, place", persons)
    _bulk(connection, "addresses", "address, person_id, position", addresses)
    _bulk(connection, "companies", "domain, name, place", companies)
    _bulk(connection, "names", "kind, word, place", sorted(names))


def _records(connection: Connection, count: int) -> None:
    for first in range(0, count, 50_000):
        last = min(count, first + 50_000)
        records, links, participants, words = [], [], [], []
        for row in _generated(first, last, count):
            number, channel, at, kind, key, thread, uid, title, data, body, people, tokens = row
            digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
            records.append((number, key, digest, kind, 3, at, thread, 0, 0, uid, title, data, body))
            links.append((channel + 1, f"{number}", 0, number, False, "[]"))
            participants += [(number, address) for address in people]
            words.append((number, tokens))
        columns = "id, key, digest, kind, level, at, thread, sequence, updated, uid, title, data, text"
        _bulk(connection, "records", columns, records)
        _bulk(connection, "links", "stream_id, item_id, position, record_id, held, collections", links)
        _bulk(connection, "participants", "record_id, address", participants)
        if connection.dialect.name == "sqlite":
            _bulk(connection, "words", "rowid, words", ((n, " ".join(t)) for n, t in words))
        else:
            _bulk(connection, "words", "record_id, words", ((n, " ".join(f"'{w}'" for w in t)) for n, t in words))


def _generated(first: int, last: int, count: int) -> Iterator[tuple[object, ...]]:
    people, span = people_of(count), timedelta(days=365 * YEARS)
    rare = set(range(0, count, max(1, count // 10)))
    for n in range(first, last):
        draw = random.Random(n)
        when = (NOW - span * (n / count)).replace(microsecond=0)
        event = n % 10 == 0
        if event and n % 40 == 0:
            when = NOW + (NOW - when) / YEARS
        channel = n % MEMBERS if n % 10 else (n // 10) % MEMBERS
        who = {_address(draw.randrange(1, people), count) for _ in range(2)}
        if draw.random() < 0.1:
            who.add(BIG_PERSON)
        if draw.random() < 0.2:
            who.add(f"p{companies_of(count)}@firm0.example")
        roles = ["organizer", "attendee"] if event else ["from", "to"]
        participants = [{"address": f"member{channel}@ours.example", "role": roles[1]}]
        participants += [
            {"address": address, "role": roles[0] if i == 0 else roles[1]} for i, address in enumerate(sorted(who))
        ]
        title = " ".join(draw.choices(_VOCABULARY, k=4))
        body = draw.choices(_VOCABULARY, k=25)
        body += [COMMON] * (draw.random() < 0.5) + [SOME] * (draw.random() < 0.01) + [RARE] * (n in rare)
        spoken = " ".join(body)
        key = ("e-" if event else "m-") + hashlib.sha256(str(n).encode()).hexdigest()[:32]
        thread = BIG_THREAD if draw.random() < 0.01 else f"t-{n // 4}"
        written = when.isoformat().replace("+00:00", "Z")
        known = {"participants": participants, "known_as": [key, thread]}
        times = (
            {"uid": f"{n}@b", "start": written, "end": written} if event else {"message_id": f"{n}@b", "date": written}
        )
        addresses = {p["address"] for p in participants}
        head = _head(stretch_of(micros(when)))
        at_people = set(words_in(" ".join(addresses)))
        at_title = set(title.split()) - at_people
        tokens = [f"{head}1{w}" for w in at_people] + [f"{head}2{w}" for w in at_title]
        tokens += [f"{head}3{w}" for w in set(body) - at_title - at_people]
        yield (
            n + 1, channel, micros(when), "event" if event else "message", key, thread, f"{n}@b", title,
            json.dumps(known | times), spoken, addresses, sorted(tokens),
        )  # fmt: skip


_HELD = """
    FROM crmsync_records r JOIN crmsync_links l ON l.record_id = r.id JOIN crmsync_streams s ON s.id = l.stream_id
    JOIN crmsync_channels c ON c.key = s.channel
"""
_KIND = "CASE r.kind WHEN 'event' THEN 'e' ELSE 'm' END"
_RANK = "CASE c.visibility WHEN 'everything' THEN 3 WHEN 'subject' THEN 2 WHEN 'metadata' THEN 1 ELSE 0 END"
_STANDS = (
    "SELECT {facet}, h.line, h.kind, h.at, h.key FROM crmsync_shown h JOIN crmsync_records r ON r.id = h.record_id"
)
_OWN = "(h.line IS NOT NULL AND (h.audience = '' OR h.line = h.audience))"


def _derive(connection: Connection) -> None:
    """Work out what the store works out with each batch; `timelines.py` checks that it is the same."""
    shown = "INSERT INTO crmsync_shown(key, audience, record_id, at, kind, level, why, strict_level, strict_why, line) "
    connection.execute(text(
        f"{shown} SELECT r.key, '', r.id, r.at, {_KIND}, {_RANK}, 'shared', {_RANK}, 'shared', "
        f"CASE WHEN {_RANK} > 0 THEN '' END {_HELD}"
    ))  # fmt: skip
    connection.execute(text(
        f"{shown} SELECT r.key, '=' || c.owner, r.id, r.at, {_KIND}, 3, 'owner', 3, 'owner', "
        f"CASE WHEN {_RANK} > 0 THEN '' ELSE '=' || c.owner END {_HELD}"
    ))  # fmt: skip
    people = " JOIN crmsync_participants p ON p.record_id = r.id"
    staff = people + (
        " JOIN crmsync_addresses a ON a.address = p.address JOIN crmsync_people o ON o.id = a.person_id"
        " AND o.company IS NOT NULL"
    )
    parts = [
        _STANDS.format(facet="''") + f" WHERE {_OWN}",
        _STANDS.format(facet="'t ' || r.thread") + f" WHERE {_OWN}",
        _STANDS.format(facet="'a ' || p.address") + f"{people} WHERE {_OWN}",
        _STANDS.format(facet="'c ' || o.company").replace("SELECT", "SELECT DISTINCT", 1) + f"{staff} WHERE {_OWN}",
    ]
    for part in parts:
        ordered = f"{part} ORDER BY 1, 2, 3, 4, 5"
        connection.execute(text(f"INSERT INTO crmsync_lines(facet, audience, kind, at, key) {ordered}"))
