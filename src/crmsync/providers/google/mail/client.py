"""Gmail's methods, as far as a sync needs them.

See https://developers.google.com/workspace/gmail/api/reference/rest.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ....errors import CursorExpired, NeedsAdmin, NotFound, Refused, Unavailable
from ....model import Collection
from ...web.calls import Api, Call, Reply, path_to
from ..errors import NOT_READY, error_for
from .labels import collections_of
from .quota import PAGE, Quota

_USER = ("gmail", "v1", "users", "me")
_LIST_FIELDS = "nextPageToken,messages(id,threadId)"
_HISTORY = "message(id,threadId,labelIds)"
_HISTORY_FIELDS = (
    f"nextPageToken,historyId,history(id,messagesAdded({_HISTORY}),messagesDeleted({_HISTORY}),"
    f"labelsAdded(labelIds,{_HISTORY}),labelsRemoved(labelIds,{_HISTORY}))"
)
LOOKS = 3
"""How often the same is asked for, where an answer is not to be believed."""
_SMALL = 1 << 20
"""Octets; a larger message is uploaded."""
_TYPES = ("messageAdded", "messageDeleted", "labelAdded", "labelRemoved")


class Listed(NamedTuple):
    """What a listing says of one message."""

    id: str
    thread: str


class GmailClient:
    """One mailbox."""

    def __init__(self, api: Api, quota: Quota) -> None:
        self.api = api
        self.quota = quota
        self._labels: dict[str, Collection] | None = None

    def profile(self, *, connecting: bool = False) -> Mapping[str, Any]:
        """Return address, history id and the count of messages.

        Args:
            connecting: a person is connecting the account.

        Raises:
            NeedsAdmin: Gmail says several times over that the account is not ready: it has no mailbox, or none that is
                switched on. The code is that of a passing mood, so a sync only waits, and no wording is looked at.
        """
        [(_, said)] = self.api.many([Call(path_to(*_USER, "profile"), self.quota.profile)])
        if isinstance(said, Reply):
            return said.data
        if connecting and said.reason in NOT_READY:
            raise NeedsAdmin("Gmail is not switched on for this account; an administrator can allow it")
        raise error_for(said)

    def send_as(self) -> list[Mapping[str, Any]]:
        """Return the addresses that the mailbox may send from."""
        answer = self.api.get(Call(path_to(*_USER, "settings", "sendAs"), self.quota.profile))
        return _dicts(answer.get("sendAs"))

    def labels(self, *, anew: bool = False) -> Mapping[str, Collection]:
        """Return the labels that are collections, by id. Their names have no feed of changes.

        Raises:
            Unavailable: several answers lack the labels that every mailbox has: they say nothing of the others either.
        """
        if self._labels is None or anew:
            for _ in range(LOOKS):
                answer = self.api.get(Call(path_to(*_USER, "labels"), self.quota.profile))
                if any(label.get("id") == "INBOX" for label in _dicts(answer.get("labels"))):
                    self._labels = collections_of(answer)
                    return self._labels
            raise Unavailable("Gmail does not list its labels; try again later")
        return self._labels

    def count(self, label: str) -> int | None:
        """Return how many messages a label has by Gmail's own count; None where it does not say."""
        try:
            return count_of(self.api.get(Call(path_to(*_USER, "labels", label), self.quota.profile)))
        except (NotFound, Refused) as error:
            raise Unavailable("the label that is to be counted went meanwhile; try again") from error

    def listing(self, *, label: str | None = None, query: str | None = None) -> Iterator[tuple[list[Listed], bool]]:
        """Yield the mailbox, or one label, or what a search finds, newest first, with spam and trash.

        In pages, each with whether another follows.

        Raises:
            Unavailable: the listing broke off, or the label went meanwhile.
        """
        token: str | None = None
        while True:
            path = path_to(
                *_USER, "messages", maxResults=PAGE, includeSpamTrash=True, labelIds=label, q=query, pageToken=token,
                fields=_LIST_FIELDS,
            )  # fmt: skip
            try:
                answer = self.api.get(Call(path, self.quota.listing))
            except (NotFound, Refused) as error:
                raise Unavailable("Gmail broke off its listing; try again") from error
            following = answer.get("nextPageToken")
            more = isinstance(following, str) and bool(following) and following != token
            yield _listed(answer), more
            if not more:
                return
            token = following

    def whole(self, *, label: str | None = None, query: str | None = None) -> tuple[list[str], bool]:
        """Return the messages under a label, or that a search finds, newest first, and whether those are all.

        A listing that ends is no proof: Gmail's own count of the label has to agree, but for a little by which it may
        differ for good, or a second search to add nothing.
        """
        seen: dict[str, None] = {}
        for look in range(LOOKS):
            count, before = self.count(label) if label else 0, len(seen)
            seen |= dict.fromkeys(found.id for page, _ in self.listing(label=label, query=query) for found in page)
            if count is not None and (label or (look and len(seen) == before)):
                missing = count - len(seen)
                if missing <= (count // 50 if look else 0):
                    return list(seen), True
        return list(seen), False

    def history(self, since: int) -> Iterator[tuple[Mapping[str, Any], bool]]:
        """Yield the pages of what changed after a history id, and whether another follows.

        Raises:
            CursorExpired: Gmail has forgotten that far back.
        """
        token: str | None = None
        while True:
            path = path_to(
                *_USER, "history", startHistoryId=since, maxResults=PAGE, historyTypes=_TYPES, pageToken=token,
                fields=_HISTORY_FIELDS,
            )  # fmt: skip
            try:
                answer = self.api.get(Call(path, self.quota.history))
            except (NotFound, Refused) as error:
                # A startHistoryId that is too old is 404; one that makes no sense, or a page's that is, 400.
                raise CursorExpired("Gmail has forgotten that far back") from error
            following = answer.get("nextPageToken")
            more = isinstance(following, str) and bool(following) and following != token
            yield answer, more
            if not more:
                return
            token = following

    def message_call(self, id_: str, form: str = "full", **parameters: object) -> Call:
        """Return the call for one message."""
        return Call(path_to(*_USER, "messages", id_, format=form, **parameters), self.quota.message)

    def thread_call(self, id_: str) -> Call:
        """Return the call for a whole thread."""
        return Call(path_to(*_USER, "threads", id_, format="full"), self.quota.thread)

    def attachment_call(self, id_: str, attachment_id: str) -> Call:
        """Return the call for the octets of a part; its id is only good for a while."""
        return Call(path_to(*_USER, "messages", id_, "attachments", attachment_id), self.quota.attachment)

    def newest(self, most: int, *, label: str | None = None, query: str | None = None) -> list[Listed]:
        """Return the newest messages under a label, or that a search finds."""
        path = path_to(
            *_USER, "messages", labelIds=label, q=query, maxResults=most, includeSpamTrash=True, fields=_LIST_FIELDS
        )
        return _listed(self.api.get(Call(path, self.quota.listing)))

    def send(self, octets: bytes, thread: str | None) -> Mapping[str, Any]:
        """Send a message. It is not repeated where nobody knows what became of it."""
        fields = {"threadId": thread} if thread else {}
        if len(octets) <= _SMALL:
            raw = base64.urlsafe_b64encode(octets).decode("ascii")
            call = Call(path_to(*_USER, "messages", "send"), self.quota.send)
            return self.api.ask("POST", call, body=json.dumps({"raw": raw, **fields}).encode("ascii"), repeat=False)
        # See https://developers.google.com/workspace/gmail/api/guides/uploads: both in one request.
        boundary = f"crmsync-{uuid.uuid4().hex}"
        head = f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(fields)}\r\n"
        head += f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
        body = head.encode("ascii") + octets + f"\r\n--{boundary}--\r\n".encode("ascii")
        path = path_to("upload", *_USER, "messages", "send", uploadType="multipart")
        kind = f'multipart/related; boundary="{boundary}"'
        return self.api.ask("POST", Call(path, self.quota.send), body=body, kind=kind, repeat=False)


def count_of(answer: Mapping[str, Any]) -> int | None:
    """Return the count of messages in a profile or a label; None where there is none."""
    count = answer.get("messagesTotal")
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def falls_short(listed: int, count: int | None) -> bool:
    """Tell whether a listing has fewer messages than Gmail's count may differ by for good."""
    return count is not None and count - listed > _drift(count)


def _drift(count: int) -> int:
    """Return by how many messages Gmail's count may differ for good from what is there."""
    return max(count // 50, min(20, count // 2))


def _listed(answer: Mapping[str, Any]) -> list[Listed]:
    found = [(m.get("id"), m.get("threadId")) for m in _dicts(answer.get("messages"))]
    return [Listed(i, t if isinstance(t, str) else i) for i, t in found if isinstance(i, str) and i]


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


__all__ = ["GmailClient", "Listed", "count_of"]
