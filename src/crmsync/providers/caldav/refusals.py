"""What a CalDAV server's refusals mean, in one table: which are final, which wait, and which ask for another way.

Only a refused login is final. A status is one answer of one machine: what it denies is asked for in a second way before
anything goes (`Objects.gone`), what it forbids may be allowed tomorrow, and everything that the table does not name
waits. Servers agree on little else: of an unknown position some say 400, 403, 409, 412 or 500, of a report that they do
not have 400, 403, 405, 415 or 501.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..web.failures import Meaning

MEANINGS: Mapping[int, Meaning] = {
    400: Meaning.INVALID,
    # Final, where the answer says how to log in (RFC 9110 section 11.6.1); without that it may be anybody's.
    401: Meaning.EXPIRED_TOKEN,
    403: Meaning.DENIED,
    404: Meaning.GONE,
    405: Meaning.INVALID,
    406: Meaning.INVALID,
    409: Meaning.INVALID,
    410: Meaning.GONE,
    412: Meaning.INVALID,
    415: Meaning.INVALID,
    422: Meaning.INVALID,
    429: Meaning.THROTTLED,
    500: Meaning.BUSY,
    501: Meaning.INVALID,
    507: Meaning.LARGE,  # RFC 6578 section 3.6: more than fits into one report
}
"""What each status means of the thing that was asked for. What is not here is the server's own trouble, and waits."""

_ANSWERED = 207


def answers(*meanings: Meaning) -> tuple[int, ...]:
    """Return the statuses to go on with: an answer, and the refusals that mean one of these."""
    return (_ANSWERED, *refusals(*meanings))


def refusals(*meanings: Meaning) -> tuple[int, ...]:
    """Return the statuses that mean one of these."""
    return tuple(status for status, meaning in MEANINGS.items() if meaning in meanings)


GONE = refusals(Meaning.GONE)
"""It is not there, this answer says."""
ANOTHER_WAY = refusals(Meaning.INVALID, Meaning.DENIED)
"""The server does not do what was asked for, or does not do it so."""
IF_THERE = answers(Meaning.GONE, Meaning.DENIED)
"""Of what was there: that it is not, or may not be read, concerns this one thing and no other."""
LOOKING = (200, 204, *answers(Meaning.GONE, Meaning.DENIED, Meaning.INVALID, Meaning.BUSY))
"""Where an account's calendars are looked for: there is no calendar service at this address."""
REPORTED = answers(Meaning.GONE, Meaning.DENIED, Meaning.INVALID, Meaning.BUSY, Meaning.LARGE)
"""Of changes since a position: whatever it is, all names are listed and compared."""
