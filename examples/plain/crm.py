"""A CRM in a script: sync a mail file, and print whom the CRM knows by it.

    python examples/plain/crm.py                                       a sample mailbox, into crm.db
    python examples/plain/crm.py takeout.mbox me@acme.com [crm.db]     your own

Run it again whenever you like: it goes on where it stopped.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import datetime
from importlib.resources import files

from crmsync import Channel, ContactCreation, CrmSyncError, Policy, Record, sync
from crmsync.providers.files import MailFiles
from pydantic import TypeAdapter

from storage import TableStorage

SAMPLE = str(files("crmsync") / "cli" / "sample" / "mia.mbox")
PEOPLE = "SELECT trim(first || ' ' || last), address FROM person WHERE NOT deleted ORDER BY last, first"
any_record: TypeAdapter[Record] = TypeAdapter(Record)


def contacts(crm: TableStorage) -> dict[str, list[datetime]]:
    """Return when each address was in touch."""
    times: dict[str, list[datetime]] = defaultdict(list)
    for (text,) in crm.db.execute("SELECT record FROM link GROUP BY key"):
        record = any_record.validate_json(text)
        for address in {p.address for p in record.participants}:
            times[address].append(record.at)
    return times


def main(mailbox: str = SAMPLE, me: str = "mia@acme.example", database: str = "crm.db") -> None:
    """Sync, and print who is there."""
    crm = TableStorage(database)
    channel = Channel(key=me, addresses={me}, contacts=ContactCreation.SENT_AND_RECEIVED)
    try:
        print(sync(MailFiles(mailbox, me), crm, channel, Policy()), end="\n\n")
    except CrmSyncError as error:
        sys.exit(str(error))
    times = contacts(crm)
    for name, address in crm.db.execute(PEOPLE):
        last = f"{max(times[address]):%d %b %Y}" if times[address] else ""
        print(f"{len(times[address]):3}  {last:11}  {name} <{address}>")


if __name__ == "__main__":
    if len(sys.argv) not in (1, 3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
