"""The engine: `plan()` turns a page into a batch, `sync()` is the loop around it.

Pure but for the provider and the storage it is given: no clock, no sleep, no threads. Time is the host's: it calls
`sync` again when that is due.

    channel.py     one run over a channel: its streams, then what is gone from all of them
    coverage.py    the same with an inventory: what is there beside what was decided
    stream.py      one stream: new items, unreadable ones again, changed settings, removals
    walk.py        where a stream stands while its pages are read, as a table
    batch.py       a page in, a batch out
    checkpoint.py  what is kept between runs
"""

from .batch import Position, plan
from .channel import sync
from .coverage import coverage

__all__ = ["Position", "coverage", "plan", "sync"]
