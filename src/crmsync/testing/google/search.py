"""Gmail's search terms, the part of them that programs use: https://support.google.com/mail/answer/7190."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..web.mail import header_of
from .compose import snippet
from .mailbox import Mail, Mailbox
from .wire import Problem

Test = Callable[[Mail], bool]

_TERM = re.compile(r'(-?)(?:([a-z0-9_]+):)?(\{[^}]*\}|\([^)]*\)|"[^"]*"|[^\s]+)', re.IGNORECASE)
_AGE = re.compile(r"(\d+)([dmy])")
_DAYS = {"d": 1, "m": 30, "y": 365}


def matcher(query: str, mailbox: Mailbox, now: float) -> Test:
    """Return what tells whether a message matches: all terms must, `OR` and braces join alternatives.

    An operator that is not known here is answered with 501, so that no test passes by luck.
    """
    tests: list[Test] = []
    either = False
    for negated, operator, value in _TERM.findall(query):
        if value == "OR" and not operator:
            either = True
            continue
        test = _grouped(value, operator, mailbox, now) if value[0] in "{(" else _term(operator, value, mailbox, now)
        test = _not(test) if negated else test
        tests.append(_any([tests.pop(), test]) if either and tests else test)
        either = False
    return _all(tests)


def reaches_everywhere(query: str) -> bool:
    """Tell whether a search asks for spam or trash by name."""
    return bool(re.search(r"(?<!-)\b(?:in|label):(?:anywhere|spam|trash)\b", query, re.IGNORECASE))


def _grouped(value: str, operator: str, mailbox: Mailbox, now: float) -> Test:
    inner = value[1:-1]
    if operator:
        inner = " ".join(
            f"{operator}:{word}" if word != "OR" else word for word in re.findall(r'"[^"]*"|[^\s]+', inner)
        )
    if value[0] == "{":
        return _any([_term(o, v, mailbox, now) for _, o, v in _TERM.findall(inner)])
    return matcher(inner, mailbox, now)


def _all(tests: list[Test]) -> Test:
    return lambda mail: all(test(mail) for test in tests)


def _any(tests: list[Test]) -> Test:
    return lambda mail: any(test(mail) for test in tests)


def _not(test: Test) -> Test:
    return lambda mail: not test(mail)


def _term(operator: str, value: str, mailbox: Mailbox, now: float) -> Test:  # noqa: PLR0911 - a table of operators
    operator, word = operator.lower(), value.strip('"').lower()
    headers = {"from": ("From",), "to": ("To", "Cc", "Bcc"), "cc": ("Cc",), "bcc": ("Bcc",), "subject": ("Subject",)}
    if operator in headers:
        return lambda mail: any(word in header_of(mail.parsed, name).lower() for name in headers[operator])
    if operator in {"in", "label", "is", "category"}:
        return _label(operator, word, mailbox)
    if operator in {"after", "newer", "before", "older"}:
        moment = _moment(word)
        return (lambda mail: mail.internal >= moment) if operator in {"after", "newer"} else _before(moment)
    if operator in {"newer_than", "older_than"}:
        age = _AGE.fullmatch(word)
        if not age:
            raise _unknown(f"{operator}:{word}")
        at = int((now - timedelta(days=int(age[1]) * _DAYS[age[2]]).total_seconds()) * 1000)
        return (lambda mail: mail.internal >= at) if operator == "newer_than" else _before(at)
    if operator == "has" and word == "attachment":
        return lambda mail: any(part.get_filename() for part in mail.parsed.walk())
    if operator == "rfc822msgid":
        return lambda mail: header_of(mail.parsed, "Message-ID").strip("<>").lower() == word.strip("<>")
    if operator:
        raise _unknown(operator)
    return lambda mail: word in f"{header_of(mail.parsed, 'Subject')} {snippet(mail.parsed)}".lower()


def _before(moment: int) -> Test:
    return lambda mail: mail.internal < moment


def _label(operator: str, word: str, mailbox: Mailbox) -> Test:
    if operator == "in" and word == "anywhere":
        return lambda mail: True  # noqa: ARG005 - every message is somewhere
    if operator == "is" and word == "read":
        return lambda mail: "UNREAD" not in mail.labels
    wanted = {"chats": "chat", "drafts": "draft", "primary": "personal"}.get(word, word)
    label = mailbox.label_name(f"category_{wanted}" if operator == "category" else wanted)
    if label is None and operator != "label":
        raise _unknown(f"{operator}:{word}")
    return lambda mail: label in mail.labels


def _moment(word: str) -> int:
    if word.isdecimal() and len(word) > 8:
        return int(word) * 1000
    try:
        day = datetime.strptime(word.replace("-", "/"), "%Y/%m/%d").replace(tzinfo=UTC)
    except ValueError:
        raise _unknown(word) from None
    return int(day.timestamp() * 1000)


def _unknown(term: str) -> Problem:
    return Problem(501, "notImplemented", f"the loopback server does not know the search term {term!r}")
