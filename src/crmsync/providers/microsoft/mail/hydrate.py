"""Messages by their ids, twenty in one request; each id is answered for, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ....errors import NeedsAdmin, NotAuthorized, NotFound, RateLimited, SourceError, Unavailable
from ....model import Collection, CollectionRole, Item, Skipped
from ...web.calls import Reply
from ...web.failures import Failure, Meaning
from ..client import Graph, Json, id_of, text_of
from .folders import Tree
from .payload import CONTENT, EXPAND, item_of, lacks_header

Outcome = Item | Skipped | None
"""A message, one that cannot be read, or none, because it is gone."""

_WHY = {
    Meaning.BUSY: "Microsoft fails on it again and again",
    Meaning.LARGE: "it is too large",
}
_LARGEST_HEADER = 1 << 20


class Fetched(NamedTuple):
    """One message, and where it lies."""

    id: str
    outcome: Outcome
    folder: str = ""


class Hydrator:
    """Fetches messages of one mailbox."""

    def __init__(self, graph: Graph, tree: Tree, *, html: bool = False) -> None:
        self._graph = graph
        self._tree = tree
        self._html = html

    def knows(self, folder: str) -> bool:
        """Tell whether a folder is among those of the mailbox."""
        return folder in self._tree

    def fetch(self, ids: Iterable[str]) -> Iterator[Fetched]:
        """Yield what each id stands for, once, as it comes."""
        wanted = list(dict.fromkeys(ids))
        calls = [self._graph.call("messages", id_, select=",".join(CONTENT), expand=EXPAND) for id_ in wanted]
        gone = []
        for number, reply in self._graph.many(calls):
            if isinstance(reply, Failure) and reply.meaning is Meaning.GONE:
                gone.append(wanted[number])
            else:
                yield self._fetched(wanted[number], reply)
        if gone:
            self._confirm()
        yield from (Fetched(id_, None) for id_ in gone)

    def places(self, ids: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        """Yield where each message lies, by its folder's id; None where it is gone, which Graph has to say twice.

        What cannot be told now is not yielded: no answer is no proof.
        """
        answers = dict(self._places(ids))
        gone = [id_ for id_, place in answers.items() if place is None]
        if gone:
            self._confirm()
            for id_ in gone:
                del answers[id_]
            answers |= dict(self._places(gone))
        yield from answers.items()

    def _places(self, ids: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        wanted = list(dict.fromkeys(ids))
        calls = [self._graph.call("messages", id_, select="id,parentFolderId") for id_ in wanted]
        for number, reply in self._graph.many(calls):
            if isinstance(reply, Failure):
                if reply.meaning is Meaning.GONE:
                    yield wanted[number], None
            elif id_of(reply.data) == wanted[number] and text_of(reply.data, "parentFolderId"):
                yield wanted[number], text_of(reply.data, "parentFolderId")

    def _confirm(self) -> None:
        """See that the mailbox still answers: of one that is not shared any more Graph says that nothing is there.

        Raises:
            Unavailable: it does not; nothing is known of what it holds.
        """
        try:
            self._graph.get("mailFolders", "inbox", select="id")
        except NotFound as error:
            raise Unavailable("Microsoft does not show this mailbox now; look whether it is still shared") from error

    def _fetched(self, id_: str, reply: Reply | Failure) -> Fetched:
        if isinstance(reply, Failure):
            why = _WHY.get(reply.meaning, f"Microsoft refuses it ({reply.status} {reply.reason})")
            return Fetched(id_, Skipped(id=id_, why=why))
        if id_of(reply.data) != id_:
            return Fetched(id_, Skipped(id=id_, why="Microsoft answered with something else"))
        place = text_of(reply.data, "parentFolderId")
        if not place:
            return Fetched(id_, Skipped(id=id_, why="Microsoft does not say where it lies"))
        folder = self._tree.collection(place)
        try:
            return Fetched(
                id_, item_of(reply.data, folder, html=self._html, header=self._header(reply.data, folder)), place
            )
        except ValueError as error:
            # pydantic's own text would quote the message.
            why = str(error) if type(error) is ValueError else "what Microsoft gave is no message"
            return Fetched(id_, Skipped(id=id_, why=why), place)

    def _header(self, data: Json, folder: Collection) -> bytes | None:
        """Return the header of a message that came without: rules read it, and must not decide without it.

        Raises:
            ValueError: it cannot be had now; the message is tried again.
        """
        if folder.role is CollectionRole.SENT or not lacks_header(data):
            return None
        octets = b""
        try:
            for piece in self._graph.stream("messages", id_of(data), "$value"):
                octets += piece
                if b"\r\n\r\n" in octets or len(octets) > _LARGEST_HEADER:
                    break
        except (NotAuthorized, NeedsAdmin, RateLimited):
            raise
        except NotFound:
            raise ValueError("it went while it was read") from None
        except SourceError:
            raise ValueError("its header could not be had") from None
        return octets


__all__ = ["Fetched", "Hydrator", "Outcome"]
