"""An Outlook mailbox as a provider."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ....errors import Unavailable
from ....model import Collection, Selection
from ....protocols import Identity, Provider, Stream
from ...network.access import Secret
from ...web.calls import Call, Reply, Site
from ...web.failures import Failure, Meaning
from ...web.pacing import Brake, Clock, Pacer, Sleep
from ..client import SITE, Graph, Json, Limits, id_of, items_of, links_of
from ..errors import error_for
from ..identity import identify
from ..wire import MOST
from .folders import NO_MAIL, ROLES, ROOT, Folder, Tree, is_chosen
from .hydrate import Hydrator
from .round import Round
from .source import FolderSource

_FOLDER = "id,displayName,parentFolderId"


class OutlookMail(Provider):
    """One mailbox in Exchange Online or Outlook.com, read through Graph with `Mail.Read`.

    Each folder is a stream. Nothing is changed in the mailbox. Keep the provider between looks where you can: a look
    at what it knows is then one request for up to nineteen folders.

    Args:
        token: returns an access token that is valid now: an `AccountTokens`, or the host's own.
        mailbox: the address of a shared or delegated mailbox, which takes `Mail.Read.Shared`, or application
            permissions; None for the signed-in person's own.
        limits: what Microsoft allows this program, where that is not what it publishes.
        site: where Graph is; a loopback server's address in tests.
        pacer: keeps to the limit; share one where several clients of one mailbox run at once.
        brake: share one between all mailboxes of a program: where Microsoft throttles the program, all wait.
        html: whether to keep HTML bodies too, sanitised.
        clock: the time.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        mailbox: str | None = None,
        limits: Limits | None = None,
        site: Site = SITE,
        pacer: Pacer | None = None,
        brake: Brake | None = None,
        html: bool = False,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._graph = Graph(
            token, mailbox=mailbox, limits=limits, site=site, pacer=pacer, brake=brake, clock=clock, sleep=sleep,
            chance=chance,
        )  # fmt: skip
        self._tree = Tree()
        self._tree_link: str | None = None
        self._round = Round(self._graph.api.pacer.clock)
        self._hydrator = Hydrator(self._graph, self._tree, html=html)

    def identify(self) -> Identity:
        """Tell whose mailbox it is, with its other addresses. See `crmsync.providers.microsoft.identity`."""
        return identify(self._graph)

    def collections(self) -> Sequence[Collection]:
        """List the folders that hold mail, with their roles."""
        self._look({})
        return [self._tree.collection(folder.id) for folder in self._tree.mail_folders()]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected folder, the inbox first. What is asked often is asked in one request."""
        asked = dict(list(self._round.positions.items())[: MOST - 1]) if self._tree_link else {}
        ahead = self._look(asked)
        chosen = [
            folder for folder in self._tree.mail_folders() if is_chosen(self._tree.collection(folder.id), selection)
        ]
        self._round.begin([folder.id for folder in chosen], {id_: (asked[id_], page) for id_, page in ahead.items()})
        return [self._stream(folder) for folder in chosen]

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()

    def _stream(self, folder: Folder) -> Stream:
        collection = self._tree.collection(folder.id)
        source = FolderSource(self._graph, collection, self._round, self._hydrator)
        return Stream(folder.id, source, collection)

    # -- the folders

    def _look(self, positions: Mapping[str, str]) -> Mapping[str, Json]:
        """Bring the tree up to date, and ask for the first changes of some folders in the same request.

        Raises:
            Unavailable: the folders cannot be listed.
        """
        if self._tree_link is None:
            self._list()
            return {}
        calls = [self._graph.page_call(path) for path in (self._tree_link, *positions.values())]
        names = list(positions)
        answers: dict[int, Reply | Failure] = dict(self._graph.many(calls))
        found = {
            names[number - 1]: reply.data
            for number, reply in answers.items()
            if number and isinstance(reply, Reply)
        }  # fmt: skip
        tree = answers.get(0)
        if isinstance(tree, Failure) and tree.meaning not in (Meaning.EXPIRED_CURSOR, Meaning.GONE, Meaning.INVALID):
            raise error_for(tree)
        if not isinstance(tree, Reply):
            self._list()
            return found
        self._take(self._following(tree.data))
        return found

    def _list(self) -> None:
        """Read the whole tree, and what Outlook's own names for folders stand for."""
        self._tree.clear()
        names = (ROOT, *ROLES, *NO_MAIL)
        start = self._graph.page_call(self._graph.path("mailFolders", "delta", select=_FOLDER))
        answers = self._asked(start, *map(self._named, names))
        for name, answer in zip(names, answers[1:], strict=True):
            self._tree.name_by_role(name, answer)
        lacking = [name for name, answer in zip(names, answers[1:], strict=True) if answer is None]
        # That a folder is not there is believed when it is said twice: mail in the trash would be mail like any other.
        for name, answer in zip(lacking, self._asked(*map(self._named, lacking)), strict=True):
            self._tree.name_by_role(name, answer)
        if answers[0] is None:
            raise Unavailable("Microsoft does not list the folders of this mailbox now; try again later")
        self._take(self._following(answers[0]))

    def _named(self, well_known: str) -> Call:
        return self._graph.call("mailFolders", well_known, select="id")

    def _asked(self, *calls: Call) -> list[Json | None]:
        """Return the answers, None where Graph says that there is no such thing.

        Raises:
            Unavailable: there is no answer, or none that says anything.
        """
        answers = dict(self._graph.many(calls))
        found: list[Json | None] = []
        for reply in map(answers.get, range(len(calls))):
            if isinstance(reply, Failure) and reply.meaning in (Meaning.GONE, Meaning.INVALID):
                found.append(None)
            elif isinstance(reply, Failure):
                raise error_for(reply)
            elif reply is None or not (id_of(reply.data) or links_of(reply.data) != (None, None)):
                raise Unavailable("Microsoft's answer about the folders says nothing; try again later")
            else:
                found.append(reply.data)
        return found

    def _following(self, first: Json) -> Iterator[Json]:
        yield first
        links = links_of(first)
        self._tree_link = links.delta
        if links.following:
            for answer, after in self._graph.walk(links.following):
                self._tree_link = after.delta
                yield answer

    def _take(self, pages: Iterator[Json]) -> None:
        try:
            for page in pages:
                self._tree.take(items_of(page))
        except BaseException:
            self._tree_link = None  # half a tree would look like folders that are gone
            raise
        if self._tree_link is None:
            raise Unavailable("Microsoft's list of folders ended without a link; try again later")


__all__ = ["OutlookMail"]
