"""How much of a record somebody may see."""

from __future__ import annotations

from enum import StrEnum


class Visibility(StrEnum):
    """How much of an owner's mail or calendar the other members may see. The owner always sees all."""

    PRIVATE = "private"
    """Nothing: not that the record exists."""
    METADATA = "metadata"
    """Participants and time. No subject, title, location or join link."""
    SUBJECT = "subject"
    """That and the subject or title."""
    EVERYTHING = "everything"
    """All of it: text and attachments too."""

    @property
    def rank(self) -> int:
        """0 for the least, 3 for the most."""
        return _RANK[self]

    @classmethod
    def of(cls, value: object) -> Visibility:
        """Read a stored value; one that nobody knows shows nothing."""
        try:
            return cls(value)  # type: ignore[arg-type]  # any object: unknown ones raise ValueError
        except ValueError:
            return cls.PRIVATE


_RANK = {level: rank for rank, level in enumerate(Visibility)}
