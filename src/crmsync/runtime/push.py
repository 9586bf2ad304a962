"""Pushes, from whoever tells that something changed: proved by the vendor's own way, and then only a reason to look.

A web endpoint of the host hands over what it got, and answers with what comes back:

    answer = intake.google_mail(request.headers, request.body)      # or google_calendar, microsoft
    return Response(answer.text, status=answer.status)

Nothing of a message is believed but where to look. Many for one channel are one run; one for a channel that is not
there is forgotten; one that comes while a channel runs lets it run once more. Polling goes on, so a push that never
comes costs five minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..errors import StorageError, Unavailable
from ..providers.web.pushes import PushRefused
from .sql import Workspaces
from .watches import place_of


class Answer(NamedTuple):
    """What the endpoint answers."""

    status: int
    text: str = ""
    """As text/plain."""


class Intake:
    """Takes pushes for all workspaces. Threads and processes may share one.

    Args:
        workspaces: where the channels are.
        secret: the host's own, at least 16 octets: proves that a message is about a channel of its own.
        audience: for Gmail, what the Pub/Sub subscription was given as audience.
        account: for Gmail, the service account that the subscription authenticates as.
        certificates: for Gmail, Google's: a `crmsync.providers.google.pushed.Certificates`.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        *,
        secret: bytes,
        audience: str = "",
        account: str = "",
        certificates: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        if len(secret) < 16:
            raise ValueError("give a secret of at least 16 octets, such as secrets.token_bytes(32)")
        self._workspaces = workspaces
        self._secret = secret
        self._audience = audience
        self._account = account
        self._certificates = certificates

    def google_mail(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take what a Pub/Sub subscription posts: a mailbox changed."""
        from ..providers.google.pushed import read_mailbox_push  # noqa: PLC0415 - loads only where it is used

        certificates = self._certificates
        if certificates is None:
            raise ValueError("Gmail's pushes are proved by Google's certificates: give Intake some")

        def look() -> None:
            push = read_mailbox_push(
                headers, body, audience=self._audience, account=self._account, certificates=certificates
            )
            self._workspaces.hint_mailbox(push.address)

        return _answered(look, 204)

    def google_calendar(self, headers: Mapping[str, str]) -> Answer:
        """Take what Google Calendar posts: a calendar changed. `Worker(endpoints=...)` lets it."""
        from ..providers.google.pushed import read_calendar_push  # noqa: PLC0415 - loads only where it is used

        return _answered(lambda: self.hint(read_calendar_push(headers, secret=self._secret).channel), 204)

    def microsoft(self, query: str, body: bytes) -> Answer:
        """Take what Graph posts: its question whether the endpoint listens, or what changed.

        A subscription that ends soon, or has ended, is renewed by the run that follows.
        """
        from ..providers.microsoft import pushed  # noqa: PLC0415 - loads only where it is used

        ending = {pushed.Happening.REAUTHORIZE, pushed.Happening.REMOVED}
        if (question := pushed.read_validation(query)) is not None:
            return Answer(200, question)

        def look() -> None:
            told = pushed.read_notifications(body, secret=self._secret)
            for place in dict.fromkeys(one.channel for one in told if one.happening in ending):
                self._watch_again(place)
            for place in dict.fromkeys(one.channel for one in told):
                self.hint(place)

        return _answered(look, 202)

    def hint(self, place: str) -> bool:
        """Look at a channel sooner, as `place_of` names it; return whether there is such a channel.

        Also for what the host's own process heard, as from a mailbox that it waits at with IDLE.
        """
        found = _read_place(place)
        return found is not None and self._workspaces.hint(*found)

    def _watch_again(self, place: str) -> None:
        if (found := _read_place(place)) is not None:
            self._workspaces.watch_again(*found)


def _read_place(place: str) -> tuple[int, str] | None:
    number, _, key = place.partition(":")
    return (int(number), key) if number.isdecimal() and len(number) <= 18 else None


def _answered(look: Callable[[], object], status: int) -> Answer:
    try:
        look()
    except PushRefused as error:
        return Answer(error.status, str(error))
    except (StorageError, Unavailable):
        return Answer(503)  # it is posted again
    return Answer(status)


__all__ = ["Answer", "Intake", "place_of"]
