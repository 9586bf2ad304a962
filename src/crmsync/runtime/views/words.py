"""The words that several views share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...model import CollectionRole, Visibility
from ...rules import ContactReason
from ..accounts import Kind

LEVEL_TITLES: Mapping[Visibility, str] = {
    Visibility.PRIVATE: "Nothing",
    Visibility.METADATA: "Who and when",
    Visibility.SUBJECT: "Subject",
    Visibility.EVERYTHING: "Everything",
}
"""What others see at a level, as a choice."""

_SHOWN: Mapping[Visibility, str] = {
    Visibility.PRIVATE: "nothing",
    Visibility.METADATA: "who and when",
    Visibility.SUBJECT: "who, when and the {title}",
    Visibility.EVERYTHING: "everything",
}
_BESIDE = {
    (Visibility.METADATA, Kind.CALENDAR): ", and neither title nor place",
    (Visibility.EVERYTHING, Kind.MAIL): ", text and attachments too",
    (Visibility.EVERYTHING, Kind.CALENDAR): ", place and join link too",
}


def shown_at(level: Visibility, kind: Kind) -> str:
    """Say what somebody sees at a level: "who, when and the subject"."""
    return _SHOWN[level].format(title="subject" if kind is Kind.MAIL else "title")


def whole_at(level: Visibility, kind: Kind) -> str:
    """Say the same with what one might not think of: "everything, text and attachments too"."""
    return shown_at(level, kind) + _BESIDE.get((level, kind), "")


FIELDS: Mapping[str, Mapping[str, str]] = {
    "message": {"subject": "subject", "text": "text", "attachments": "attachments"},
    "event": {
        "summary": "title", "description": "description", "location": "place", "conference_url": "join link",
        "attachments": "attachments",
    },
}  # fmt: skip
"""What hidden fields are called; others are never shown anyway."""

ROLE_TITLES: Mapping[CollectionRole, str] = {
    CollectionRole.INBOX: "Inbox",
    CollectionRole.SENT: "Sent",
    CollectionRole.DRAFTS: "Drafts",
    CollectionRole.JUNK: "Spam",
    CollectionRole.TRASH: "Trash",
    CollectionRole.ARCHIVE: "Archive",
    CollectionRole.ALL: "All mail",
    CollectionRole.NONE: "",
}

CONTACT_REASONS: Mapping[ContactReason, str] = {
    ContactReason.ENSURED: "becomes a contact",
    ContactReason.SETTING: "not asked for by your setting",
    ContactReason.DRAFT: "drafts, spam and trash make nobody a contact",
    ContactReason.OWN: "you, or a colleague",
    ContactReason.CONSUMER: "a private address, and you leave those out",
    ContactReason.GROUP: "a group address, and you leave those out",
    ContactReason.THING: "a room, a device, or nothing that mail can be sent to",
    ContactReason.ROLE: "not one of those whom you take from meetings",
    ContactReason.DECLINED: "you declined the meeting, and leave those out",
    ContactReason.LARGE: "the meeting is larger than your limit",
}


def counted(number: int, word: str, many: str = "") -> str:
    """Say how many: "1 mail", "1,204 mails".

    >>> counted(1, "mail"), counted(1_204, "mail"), counted(2, "person", "people")
    ('1 mail', '1,204 mails', '2 people')
    """
    return f"{number:,} {word if number == 1 else many or word + 's'}"


def listed(words: Sequence[str], *, most: int = 3) -> str:
    """List a few: "Ann, Bob and 4 others".

    >>> listed(["Ann", "Bob"]), listed(["a", "b", "c", "d", "e"])
    ('Ann and Bob', 'a, b, c and 2 others')
    """
    if len(words) > most:
        more = len(words) - most
        return f"{', '.join(words[:most])} and {more:,} other{'' if more == 1 else 's'}"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
