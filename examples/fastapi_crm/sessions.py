"""Sessions on the server: the cookie holds a random name and nothing else. In a CRM of yours they are there already."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

COOKIE = "session"
LASTS = 8 * 3_600.0
"""Seconds after which a session that nobody used has ended."""
CONSENT_LASTS = 900.0
"""Seconds within which somebody comes back from a vendor's page."""


@dataclass
class Session:
    """One person in one browser."""

    name: str
    member: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What every form of theirs carries, and no other site can know (CSRF)."""
    used: float = 0.0
    zone: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """What to say on the next page: ("good" or "bad", a sentence)."""
    consents: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Connections that were begun, by state: when, and `Begun` as JSON."""
    finished: dict[str, str] = field(default_factory=dict)
    """And those that were finished: the account's name. An answer may come twice."""

    def say(self, sentence: str, *, bad: bool = False) -> None:
        """Say something on the next page that is shown."""
        self.notes.append(("bad" if bad else "good", sentence))

    def heard(self) -> list[tuple[str, str]]:
        """Return what is to be said, once."""
        notes, self.notes = self.notes, []
        return notes

    def accepts(self, token: str) -> bool:
        """Tell whether a form is this session's."""
        return hmac.compare_digest(token.encode(), self.token.encode())


class Sessions:
    """All sessions of this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, member: str) -> Session:
        """Begin a session, under a name that nobody had before."""
        made = Session(secrets.token_urlsafe(32), member, used=self._clock())
        with self._lock:
            self._sessions = {name: one for name, one in self._sessions.items() if not self._is_over(one)}
            self._sessions[made.name] = made
        return made

    def get(self, name: str | None) -> Session | None:
        """Return a session that has not ended."""
        found = self._sessions.get(name or "")
        if found is None or self._is_over(found):
            return None
        found.used = self._clock()
        return found

    def end(self, name: str | None) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(name or "", None)

    def end_all(self) -> None:
        """Sign everybody out."""
        with self._lock:
            self._sessions.clear()

    def begun(self, session: Session, state: str, begun: str) -> None:
        """Keep a connection that was begun until its answer comes; the oldest of many go."""
        session.consents[state] = (self._clock(), begun)
        while len(session.consents) > 10:
            session.consents.pop(next(iter(session.consents)))

    def taken(self, session: Session, state: str) -> str | None:
        """Return a connection that was begun, once; None where it was not begun here, or too long ago."""
        at, begun = session.consents.pop(state, (0.0, ""))
        return begun if begun and self._clock() - at <= CONSENT_LASTS else None

    def _is_over(self, session: Session) -> bool:
        return self._clock() - session.used > LASTS
