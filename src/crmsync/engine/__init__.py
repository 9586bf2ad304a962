"""The engine: `plan()` turns a page into a batch, `sync()` is the loop around it.

Pure but for the provider and the storage it is given: no clock, no sleep, no threads. Time is the host's: it calls
`sync` again when that is due.

    channel.py     one run over a channel: its streams, then what is gone from all of them
    stream.py      one stream: new items, unreadable ones again, changed settings, removals
    batch.py       a page in, a batch out
    checkpoint.py  what is kept between runs
"""

from .batch import Position, plan
from .channel import sync

__all__ = ["Position", "plan", "sync"]
