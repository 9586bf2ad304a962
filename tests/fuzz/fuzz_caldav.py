"""CalDAV: whatever one answer is, a run ends in an error of ours or none, and the next honest one converges."""

from __future__ import annotations

import sys
from contextlib import suppress

from caldav_scripted import HOME, ScriptedServer
from caldav_servers import Exchange, Seen
from caldav_worlds import ME, NOW, calendars, vcalendar, vevent
from hunting import hunt

from crmsync import Channel, Policy, sync
from crmsync.errors import CrmSyncError
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME})
ANN = "/principals/ann/"
WORDS = [
    b"<d:response>",
    b"</d:response>",
    b"<d:href>",
    b"</d:href>",
    b"<d:propstat>",
    b"</d:propstat>",
    b"<d:prop>",
    b"</d:prop>",
    b"<d:status>HTTP/1.1 404 Not Found</d:status>",
    b"<d:status>HTTP/1.1 500 Oh</d:status>",
    b"<d:sync-token>t:0</d:sync-token>",
    b"<d:getetag/>",
    b"<d:resourcetype/>",
    b"<c:calendar/>",
    b"<s:shared/>",
    b"<d:owner><d:href>/x/</d:href></d:owner>",
    b"&amp;",
    b"&x;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"<!DOCTYPE a [<!ENTITY x 'y'>]>",
    b"%2F",
    b"%00",
    b"http://[::1/",
    b"//evil.example/",
    b"../",
    b"\x00",
    b"BEGIN:VEVENT",
    b"END:VCALENDAR",
    b" 404 ",
    b"<d:error/>",
    b"\xff\xfe",
]

HONEST: list[bytes] = []
"""What an honest server answers, in the order of the requests."""


def server() -> ScriptedServer:
    scripted = ScriptedServer("work", "home")
    for name in "abc":
        scripted.calendar("work").put(f"{name}.ics", vcalendar(vevent(f"{name}@x", f"SUMMARY:{name}")))
    scripted.calendar("home").put("h%20 h.ics".replace(" ", ""), vcalendar(vevent("h@x")))
    scripted.calendar("home").told = f"<d:owner><d:href>{ANN}</d:href></d:owner>"
    scripted.principals[ANN] = ("ann@client.example",)
    return scripted


def run(scripted: ScriptedServer, storage: MemoryStorage) -> None:
    provider = calendars(scripted.port, HOME, now=NOW)
    try:
        sync(provider, storage, CHANNEL, Policy())
    finally:
        provider.close()


SERVER = server()
LIAR: list[bytes] = []


def answer(seen: Seen, before: Exchange | None) -> Exchange:
    """Answer as it is, but for the one answer that is a lie."""
    said = SERVER.answer(seen, before)
    HONEST.append(said.body)
    if LIAR and HONEST and len(HONEST) == TURN[0]:
        return said._replace(body=LIAR[0])
    return said


TURN = [0]
SERVER.proxy.change = answer


def check(data: bytes) -> None:
    storage = MemoryStorage()
    for first in (True, False):
        LIAR[:] = [data]
        HONEST.clear()
        TURN[0] = data[0] % 5 + 1 if data else 1
        if not first:
            SERVER.calendar("work").put("a.ics", vcalendar(vevent("a@x", f"SUMMARY:{len(data)}")))
        with suppress(CrmSyncError):
            run(SERVER, storage)
    LIAR.clear()
    SERVER.calendar("work").forgotten = 10**6  # the day on which all etags are compared once more
    for _ in range(8):
        with suppress(CrmSyncError):
            run(SERVER, storage)
    SERVER.calendar("work").forgotten = 0
    fresh = MemoryStorage()
    run(SERVER, fresh)
    assert {k: v.records for k, v in fresh.items.items()} == {k: v.records for k, v in storage.items.items()}, (
        "another end"
    )


if __name__ == "__main__":
    run(SERVER, MemoryStorage())
    seeds = list(dict.fromkeys(HONEST))
    sys.exit(hunt("caldav", seeds, WORDS, check) > 0)
