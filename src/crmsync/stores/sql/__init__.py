"""`SqlStorage`: the storage protocol and the reading side on SQLite and PostgreSQL (extra `sql`).

    storage.py      the class: each method is a transaction, and a call of what follows
    engine.py       databases, connections and transactions; faults.py says what their errors mean
    tables.py       the tables; schema.py makes them, and refuses another version's
    writing.py      one batch: rows.py turns records into rows, bulk.py writes many, locks.py says who waits for whom
    directory.py    contacts become people: in registry.py's own tables, or in a host's
    shown.py        worked out when writing: who is shown which copy, in which timelines (facets.py)
    words.py        also then: the words that records are found by; names.py those of people and companies
    fill.py         all of that anew
    timeline.py     pages of timelines: lines.py reads them, search.py those with certain words
    people.py       pages of people and companies
    viewer.py       whose eyes a query looks through
    reading.py      what the engine and the host read back: traces, the ledger, channels, whole items

Reading asks nothing that writing has not worked out: a page costs the same however much there is.
"""

from .storage import SqlStorage

__all__ = ["SqlStorage"]
