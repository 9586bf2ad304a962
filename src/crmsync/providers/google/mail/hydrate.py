"""Messages by their ids, in as few units as possible; each id is answered for, whatever goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ....formats import parse_message
from ....model import Collection, Item, Selection, Skipped
from ...web.calls import Reply
from ...web.failures import Failure, Meaning
from ...web.http import date_of
from .client import GmailClient
from .labels import CHAT, places
from .payload import is_addressed, item_of, moment_of, octets_of, pieces
from .quota import Fetch, fetches

_ID = re.compile(r"[0-9A-Fa-f]{1,32}")

Json = Mapping[str, Any]
Outcome = Item | Skipped | None
"""A message, one that cannot be read, or none, because Gmail says that it does not exist, or it is no mail."""
_SOON = timedelta(minutes=5)
_ELSEWHERE = frozenset({"SENT", "INBOX", "DRAFT", "SPAM", "TRASH"})


class Hydrator:
    """Fetches messages of one mailbox."""

    def __init__(
        self, client: GmailClient, selection: Selection, *, now: Callable[[], datetime], html: bool = False
    ) -> None:
        self._client = client
        self._selection = selection
        self._now = now
        self._html = html
        self._nobodys: set[str] = set()
        self._early: dict[str, Outcome] = {}

    def fetch(
        self, ids: Iterable[str], threads: Mapping[str, str], ahead: Iterable[str] = ()
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield what each id stands for, once, as it comes.

        Args:
            ids: the wanted messages.
            threads: the thread of each, as far as it is known.
            ahead: what will be asked for next; some of it may be fetched while there is nothing else to send.
        """
        wanted = dict.fromkeys(ids)
        coming = list(ahead)
        for id_ in [id_ for id_ in wanted if id_ in self._early]:
            del wanted[id_]
            yield id_, self._early.pop(id_)
        if coming:
            self._early.clear()
        for id_ in [id_ for id_ in wanted if not _ID.fullmatch(id_)]:
            del wanted[id_]
            yield id_, None  # no id of Gmail's looks like that
        quota = self._client.quota
        plan, spare = list(fetches(wanted, threads, quota)), list(fetches(coming, threads, quota))
        alone: list[str] = []
        for id_, result in self._results(plan, alone, spare):
            if id_ in wanted:
                yield id_, result
            else:
                self._early[id_] = result
        # What a thread's answer lacks may have left it for another one: only the message itself can say.
        singles = [Fetch(None, (id_,), quota.message) for id_ in alone if id_ in wanted]
        yield from self._results(singles, [])

    def _results(
        self, plan: list[Fetch], alone: list[str], spare: Sequence[Fetch] = ()
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield what comes of some calls; what has to be asked for one by one is appended to `alone`."""
        count, plan = len(plan), [*plan, *spare]
        calls = [
            self._client.thread_call(fetch.thread) if fetch.thread else self._client.message_call(fetch.ids[0])
            for fetch in plan
        ]
        for number, reply in self._client.api.many(calls[:count], calls[count:]):
            fetch = plan[number]
            if fetch.thread is None:
                yield fetch.ids[0], self._result(fetch.ids[0], reply)
                continue
            found = _messages(reply.data) if isinstance(reply, Reply) else {}
            for id_ in fetch.ids:
                if id_ in found:
                    yield id_, self._read(id_, found[id_], self._moment(reply))
                else:
                    alone.append(id_)

    def _result(self, id_: str, reply: Reply | Failure) -> Outcome:
        if isinstance(reply, Reply):
            if reply.data.get("id") != id_:
                return Skipped(id=id_, why="Gmail answered with something else")
            return self._read(id_, reply.data, self._moment(reply))
        if reply.meaning is Meaning.GONE:
            return None
        return Skipped(id=id_, why=_WHY.get(reply.meaning, f"Gmail refuses it ({reply.status} {reply.reason})"))

    def _moment(self, reply: Reply | Failure) -> datetime:
        """Return when it was answered, by Gmail's clock."""
        said = reply.headers.get("date") if isinstance(reply, Reply) else None
        return date_of(said) or self._now()

    def _read(self, id_: str, data: Json, at: datetime) -> Outcome:
        labels = data.get("labelIds")
        names = [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []
        if CHAT in names:
            return None  # a chat is no mail
        if is_scheduled(names, moment_of(data.get("internalDate")), at):
            names = [*names, "DRAFT"]
        try:
            where = places(names, self.known(names), self._selection)
            if not is_addressed(data.get("payload")):
                return self._whole(id_, data, where)
            item, lacking = item_of(data, where, html=self._html)
            if not lacking:
                return item
            bodies: dict[str, bytes] = {}
            while lacking:
                more = self._bodies(id_, data, set(lacking) - bodies.keys())
                if not more:
                    return Skipped(id=id_, why="a part of its text could not be had")
                bodies |= more
                item, lacking = item_of(data, where, html=self._html, bodies=bodies)
        except ValueError as error:
            return Skipped(id=id_, why=str(error) if type(error) is ValueError else "what Gmail gave is no message")
        return item

    def _whole(self, id_: str, data: Json, where: Sequence[Collection]) -> Outcome:
        """Read a message from its octets, where the answer does not say from whom and to whom it is.

        Most often a part of the answer is missing, and rules would decide on nothing; some mail is really so.
        """
        [(_, reply)] = self._client.api.many([self._client.message_call(id_, "raw")])
        whole = isinstance(reply, Reply) and reply.data.get("id") == id_
        octets = octets_of(reply.data.get("raw")) if isinstance(reply, Reply) and whole else None
        if not octets:
            return Skipped(id=id_, why="Gmail does not say from whom and to whom it is")
        thread = data.get("threadId")
        message = parse_message(
            octets,
            collections=where,
            received=moment_of(data.get("internalDate")),
            html=self._html,
            provider_thread=thread if isinstance(thread, str) else None,
        )
        return Item(id=id_, records=[message])

    def _bodies(self, id_: str, data: Json, numbers: set[str]) -> dict[str, bytes]:
        """Fetch texts that are too large for the message's own answer."""
        large = [piece for piece in pieces(data) if piece.number in numbers and piece.attachment_id]
        calls = [self._client.attachment_call(id_, piece.attachment_id or "") for piece in large]
        found: dict[str, bytes] = {}
        for number, reply in self._client.api.many(calls):
            octets = octets_of(reply.data.get("data")) if isinstance(reply, Reply) else None
            if octets is not None:
                found[large[number].number] = octets
        return found

    def known(self, names: Iterable[str]) -> Mapping[str, Collection]:
        """Return the labels, read again where one is new: labels have no feed of changes."""
        labels = self._client.labels()
        unknown = {name for name in names if not name.isupper()} - labels.keys() - self._nobodys
        if not unknown:
            return labels
        labels = self._client.labels(anew=True)
        self._nobodys |= unknown - labels.keys()
        return labels


_WHY = {
    Meaning.BUSY: "Gmail fails on it again and again",
    Meaning.LARGE: "it is too large",
}


def is_scheduled(labels: Container[str], received: datetime | None, at: datetime) -> bool:
    """Tell whether a message waits to be sent: it lies nowhere, and its time is still to come.

    Gmail lists it all the same, neither as sent nor as a draft, and its history tells when it goes out.
    """
    return received is not None and received > at + _SOON and not any(label in labels for label in _ELSEWHERE)


def _messages(data: Json) -> dict[str, Json]:
    found = data.get("messages")
    messages = [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []
    return {m["id"]: m for m in messages if isinstance(m.get("id"), str)}


__all__ = ["Hydrator", "Outcome", "is_scheduled"]
