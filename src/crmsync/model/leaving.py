"""Leaving: what is asked for when somebody or something goes, and the receipt of what went and what stayed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from .value import Address, Instant, Line, Many, SetOf, Value

SEALED = "\x1f"
"""What an owner's name begins with who has left: nobody's own name does."""


class Act(StrEnum):
    """What is done. The values are stable: hosts keep them."""

    STOP = "stop"
    """Nothing comes in any more; everything stays, and says from when it is old."""
    REMOVE = "remove"
    """What only this channel brought goes, and all that is known of the channel."""
    SEAL = "seal"
    """A member has left: what only they could see nobody sees any more, and what they shared stays shared."""
    HAND_OVER = "hand_over"
    """A member has left: another one owns their channels now."""
    ERASE = "erase"
    """A person is forgotten, and kept out of every channel."""
    EXPIRE = "expire"
    """What is older than it may be kept goes."""


class Thing(StrEnum):
    """What a receipt counts."""

    RECORDS = "records"
    """Mails and meetings, each once, however many mailboxes have them."""
    COPIES = "copies"
    """The same, as often as streams hold them."""
    DECISIONS = "decisions"
    """Entries of the ledger."""
    STREAMS = "streams"
    """Folders, labels or calendars, with the cursor of each."""
    CHANNELS = "channels"
    PEOPLE = "people"
    COMPANIES = "companies"
    MENTIONS = "mentions"
    """Copies of records that stay and no longer name the person."""
    SHARES = "shares"
    """What an owner said of single records and threads, and what others asked for."""
    LOGINS = "logins"


class Stays(StrEnum):
    """Why something stays."""

    STOPPED = "stopped"
    HELD = "held"
    NOT_ASKED = "not_asked"
    SHARED = "shared"
    SEALED = "sealed"
    HANDED_OVER = "handed_over"
    OTHERS = "others"
    KEPT_OUT = "kept_out"
    HOST = "host"

    @property
    def sentence(self) -> str:
        """Why, for a person to read."""
        return _WHY[self]


_WHY = {
    Stays.STOPPED: "nothing was to go; it is as it was when the account was stopped",
    Stays.HELD: "another account holds it too",
    Stays.NOT_ASKED: "disconnecting an account removes no people and no companies",
    Stays.SHARED: "others see of it what they saw before",
    Stays.SEALED: "nobody owns it, and nobody sees more of it, until it is handed over",
    Stays.HANDED_OVER: "the member that it was handed over to owns it now",
    Stays.OTHERS: "it is about other people too, and names the erased person no longer",
    Stays.KEPT_OUT: "only the provider's id and the reason stay, which keep it out",
    Stays.HOST: "it is in the host's own tables, which the host changes",
}


class Stayed(Value):
    """What did not go, and why."""

    thing: Thing
    count: int = Field(ge=0)
    why: Stays

    def __str__(self) -> str:
        return f"{self.count:,} {self.thing}: {self.why.sentence}"


class Receipt(Value):
    """What came of leaving: what went, what stayed and why. It names nobody who is to be forgotten."""

    act: Act
    of: Line = ""
    """The channel's key or the member; empty for an erased person."""
    at: Instant
    """When it was asked for."""
    done: bool = False
    """Whether all of it is done; otherwise it goes on where it stopped, when it is asked for again."""
    went: Mapping[Thing, int] = Field(default_factory=dict)
    stayed: Many[Stayed] = ()
    notes: Many[Line] = ()
    """What is left for a person to do, in sentences."""

    def plus(
        self,
        went: Mapping[Thing, int] | None = None,
        stayed: Mapping[tuple[Thing, Stays], int] | None = None,
        notes: Many[str] = (),
        *,
        done: bool = False,
    ) -> Receipt:
        """Return the receipt after another step. What is counted zero times is not named."""
        total = {thing: self.went.get(thing, 0) + (went or {}).get(thing, 0) for thing in Thing}
        kept = {(one.thing, one.why): one.count for one in self.stayed}
        for what, count in (stayed or {}).items():
            kept[what] = kept.get(what, 0) + count
        return self.model_copy(
            update={
                "went": {thing: n for thing, n in total.items() if n},
                "stayed": [Stayed(thing=t, why=w, count=n) for (t, w), n in sorted(kept.items()) if n],
                "notes": [*self.notes, *(note for note in notes if note not in self.notes)],
                "done": done or self.done,
            }
        )

    def __str__(self) -> str:
        """Say it in one line: "remove mail:ann: went 12 records, 14 copies; stayed 3 records (another …)"."""
        went = ", ".join(f"{n:,} {thing}" for thing, n in self.went.items()) or "nothing"
        stayed = ", ".join(f"{s.count:,} {s.thing} ({s.why.sentence})" for s in self.stayed) or "nothing"
        head = " ".join(filter(None, (self.act, self.of)))
        return f"{head}: went {went}; stayed {stayed}{'' if self.done else '; not done yet'}"


class Erased(Value):
    """Who was erased: marks made of their addresses with a key, by which they are known and not named."""

    key: str = Field(default="", repr=False, pattern=r"^([0-9a-f]{2}){0,64}$")
    """In hexadecimal, up to 64 octets. Whoever has it can tell of an address whether it was erased."""
    marks: SetOf[str] = frozenset()
    """Of those with whom nothing may come in: `crmsync.rules.mark_of`."""
    elsewhere: SetOf[str] = frozenset()
    """Of those whose own mail and meetings may not come in, and who are taken out of what is about others too."""


class _Departure(Value):
    act: ClassVar[Act]
    at: Instant
    """The moment that it is asked for."""

    @property
    def of(self) -> str:
        """What a receipt calls it."""
        return ""

    @property
    def name(self) -> str:
        """The same for the same thing asked for again: where it stopped, it goes on."""
        return f"{self.act} {self.of}"

    def begun(self) -> Receipt:
        """Return the receipt before the first step."""
        return Receipt(act=self.act, of=self.of, at=self.at)


class Stop(_Departure):
    """Stop a channel."""

    act: ClassVar[Act] = Act.STOP
    channel: str = Field(min_length=1)

    @property
    def of(self) -> str:
        """The channel's key."""
        return self.channel


class Remove(_Departure):
    """Remove a channel, and what no other channel holds."""

    act: ClassVar[Act] = Act.REMOVE
    channel: str = Field(min_length=1)

    @property
    def of(self) -> str:
        """The channel's key."""
        return self.channel


class Seal(_Departure):
    """Seal the channels of a member who has left."""

    act: ClassVar[Act] = Act.SEAL
    member: str = Field(min_length=1)

    @property
    def of(self) -> str:
        """The member."""
        return self.member


class HandOver(_Departure):
    """Hand the channels of a member who has left, sealed ones too, over to another."""

    act: ClassVar[Act] = Act.HAND_OVER
    member: str = Field(min_length=1)
    to: str = Field(min_length=1)

    @property
    def of(self) -> str:
        """The member who has left."""
        return self.member


class Erase(_Departure):
    """Erase a person, by any of their addresses."""

    act: ClassVar[Act] = Act.ERASE
    address: Address = Field(min_length=3, repr=False)
    keep_others: bool = False
    """Whether what others outside the workspace take part in as well stays, without the person. What they wrote
    themselves, or called a meeting for, goes all the same."""
    own: SetOf[str] = frozenset()
    """With `keep_others`, who belongs to the workspace: addresses and domains, beside each channel's own."""

    @property
    def name(self) -> str:
        """The address, for the storage to make a mark of: no storage keeps the name itself."""
        return f"{self.act} {self.address}"


class Expire(_Departure):
    """Let go what is older than it may be kept."""

    act: ClassVar[Act] = Act.EXPIRE
    before: Instant
    """By `Message.at` and `Event.at`."""
    channel: str = Field(min_length=1)

    @property
    def of(self) -> str:
        """The channel's key."""
        return self.channel

    @property
    def name(self) -> str:
        """The channel and the moment."""
        return f"{self.act} {self.before.isoformat()} {self.channel}"


Departure = Stop | Remove | Seal | HandOver | Erase | Expire
"""What a storage is asked to let go."""
