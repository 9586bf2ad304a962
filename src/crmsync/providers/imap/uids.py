"""Sets of UIDs as ranges (RFC 9051 section 9, sequence-set): small for any mailbox, and quick to compare."""

from __future__ import annotations

import base64
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

Range = tuple[int, int]
"""The first and the last UID."""

LARGEST = (1 << 32) - 1
_RANGE = re.compile(r"(\d{1,10})(?::(\d{1,10}))?")
_PACK_FROM = 1_000
_UNPACKED = 8 << 20


class UidSet:
    """An immutable set of UIDs."""

    __slots__ = ("_count", "_lows", "ranges")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        merged: list[Range] = []
        ordered = sorted(ranges)
        for low, high in ordered:
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        self.ranges: tuple[Range, ...] = tuple(merged)
        self._lows: list[int] | None = None
        self._count = sum(high - low + 1 for low, high in merged)

    @classmethod
    def of(cls, uids: Iterable[int]) -> Self:
        """Make a set of single UIDs."""
        ranges: list[Range] = []
        low = high = -1
        for uid in sorted(uids):
            if uid > high + 1 or low < 0:
                if low >= 0:
                    ranges.append((low, high))
                low = uid
            high = uid
        if low >= 0:
            ranges.append((low, high))
        return cls(ranges)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a sequence-set of numbers; a range may be written backwards.

        Raises:
            ValueError: it is none.

        """
        ranges: list[Range] = []
        for piece in text.split(",") if text else ():
            match = _RANGE.fullmatch(piece)
            if not match:
                raise ValueError("this is no set of UIDs")
            first, last = int(match[1]), int(match[2] or match[1])
            if not (0 < first <= LARGEST and 0 < last <= LARGEST):
                raise ValueError("this is no UID")
            ranges.append((min(first, last), max(first, last)))
        return cls(ranges)

    def __str__(self) -> str:
        return ",".join(f"{low}:{high}" if low != high else f"{low}" for low, high in self.ranges)

    def __repr__(self) -> str:
        return f"UidSet.parse({str(self)[:200]!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UidSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, uid: int) -> bool:
        if self._lows is None:
            self._lows = [low for low, _ in self.ranges]
        at = bisect_right(self._lows, uid) - 1
        return at >= 0 and uid <= self.ranges[at][1]

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __reversed__(self) -> Iterator[int]:
        for low, high in reversed(self.ranges):
            yield from range(high, low - 1, -1)

    def __or__(self, other: UidSet) -> UidSet:
        return UidSet([*self.ranges, *other.ranges])

    def __and__(self, other: UidSet) -> UidSet:
        return self - (self - other)

    def __sub__(self, other: UidSet) -> UidSet:
        left: list[Range] = []
        theirs = iter(other.ranges)
        cut = next(theirs, None)
        for low, high in self.ranges:
            while cut and cut[1] < low:
                cut = next(theirs, None)
            while cut and cut[0] <= high:
                if cut[0] > low:
                    left.append((low, cut[0] - 1))
                low = cut[1] + 1  # noqa: PLW2901 - what is left of this range
                if low > high:
                    break
                cut = next(theirs, None)
            if low <= high:
                left.append((low, high))
        return UidSet(left)

    def pages(self, size: int) -> Iterator[UidSet]:
        """Yield parts of it of at most so many UIDs, the highest first."""
        taken: list[Range] = []
        room = size
        for low, high in reversed(self.ranges):
            top = high
            while top >= low:
                bottom = max(low, top - room + 1)
                taken.append((bottom, top))
                room -= top - bottom + 1
                top = bottom - 1
                if not room:
                    yield UidSet(taken)
                    taken, room = [], size
        if taken:
            yield UidSet(taken)

    def merged(self, most: int) -> UidSet:
        """Return at most so many ranges that hold all of it: those that lie closest are joined."""
        if len(self.ranges) <= most:
            return self
        gaps = sorted((after[0] - before[1], index) for index, (before, after) in enumerate(pairwise(self.ranges)))
        kept = sorted(index for _, index in gaps[len(self.ranges) - most :])
        ranges: list[Range] = []
        start = 0
        for index in [*kept, len(self.ranges) - 1]:
            ranges.append((self.ranges[start][0], self.ranges[index][1]))
            start = index + 1
        return UidSet(ranges)

    def pack(self) -> str:
        """Write it for a cursor: as it is while that is short, else compressed."""
        plain = str(self)
        if len(plain) < _PACK_FROM:
            return plain
        steps: list[str] = []
        last = 0
        for low, high in self.ranges:
            steps.append(f"{low - last:x}" if low == high else f"{low - last:x}+{high - low:x}")
            last = high
        return "z" + base64.b85encode(zlib.compress(" ".join(steps).encode(), 6)).decode("ascii")

    @classmethod
    def unpack(cls, packed: str) -> Self:
        """Read what `pack` wrote.

        Raises:
            ValueError: it did not write this.

        """
        if not packed.startswith("z"):
            return cls.parse(packed)
        try:
            unzip = zlib.decompressobj()
            steps = unzip.decompress(base64.b85decode(packed[1:]), _UNPACKED).decode("ascii")
        except zlib.error:
            raise ValueError("this is no packed set") from None
        ranges: list[Range] = []
        last = 0
        for step in steps.split():
            gap, _, more = step.partition("+")
            low = last + int(gap, 16)
            last = low + (int(more, 16) if more else 0)
            if not 0 < low <= last <= LARGEST:
                raise ValueError("this is no UID")
            ranges.append((low, last))
        return cls(ranges)
