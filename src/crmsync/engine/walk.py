"""How a stream is walked, as a table: where it stands and what happens, where it stands then and what is to be done.

`stream.py` follows it, the picture in docs/explanation/cursors.md is generated from it, and the state machine checks
every batch against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Stand(StrEnum):
    """Where a stream stands between two pages."""

    FOLLOWING = "following"
    """In its first listing, or behind it: what is known was all listed, or will be."""
    RELISTING = "listing again"
    """What is known was listed once, and some of it may be gone: only the end of the new listing tells."""


class Happening(StrEnum):
    """What a source does."""

    PAGE = "a page, and more to come"
    END = "the last page"
    SHORT = "the last page, short of the provider's count or cut"
    EXPIRED = "the cursor has expired"


class Duty(StrEnum):
    """What becomes of the position, which is committed with the page's items in one transaction."""

    MOVE = "move behind the page"
    STAY = "stay: a crash must find what the old listing knew"
    SWEEP = "mark or ask for what was not listed, then move behind the page"
    AGAIN = "drop it: the next run lists everything"
    AT_ONCE = "drop it, and list everything in this run"
    FAIL = "give up: even a listing from scratch has expired"


WALK: Mapping[tuple[Stand, Happening], tuple[Stand, Duty]] = {
    (Stand.FOLLOWING, Happening.PAGE): (Stand.FOLLOWING, Duty.MOVE),
    (Stand.FOLLOWING, Happening.END): (Stand.FOLLOWING, Duty.MOVE),
    (Stand.FOLLOWING, Happening.SHORT): (Stand.RELISTING, Duty.AGAIN),
    (Stand.FOLLOWING, Happening.EXPIRED): (Stand.RELISTING, Duty.AT_ONCE),
    (Stand.RELISTING, Happening.PAGE): (Stand.RELISTING, Duty.STAY),
    (Stand.RELISTING, Happening.END): (Stand.FOLLOWING, Duty.SWEEP),
    (Stand.RELISTING, Happening.SHORT): (Stand.RELISTING, Duty.AGAIN),
    (Stand.RELISTING, Happening.EXPIRED): (Stand.RELISTING, Duty.FAIL),
}
"""Every case there is. `SHORT` happens a bounded number of times in a row; then it is an `END`."""
