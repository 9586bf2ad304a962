"""Reading files that somebody else may be writing: never blocked, never fooled, errors in words."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ...errors import Unavailable

WHOLE = 32 << 20
"""Up to this many octets a file is fingerprinted whole, which takes some 30 ms; beyond, by samples."""

_ENDS = 64 << 10
_SAMPLES = 62
_SAMPLE = 4 << 10
_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)  # fmt: skip


class Version(NamedTuple):
    """What the file system says of a file's content without reading it."""

    size: int
    mtime: int
    """In nanoseconds."""


class RegularFile:
    """An open regular file, read at offsets.

    Not mapped into memory: where a mapped file shrinks, touching the lost pages kills the process (SIGBUS), and mail
    programs shrink their files at will. A read of what is gone is merely short.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def version(self) -> Version:
        """Return size and time of the last change."""
        status = os.fstat(self._descriptor)
        return Version(status.st_size, status.st_mtime_ns)

    def read(self, start: int, end: int) -> bytes:
        """Return the octets from start to end; fewer where the file ends before."""
        size = max(0, end - start)
        os.lseek(self._descriptor, start, os.SEEK_SET)
        data = os.read(self._descriptor, size)
        if len(data) == size or not data:
            return data
        pieces = [data]
        size -= len(data)
        while size and (data := os.read(self._descriptor, size)):
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def fingerprint(self, end: int) -> str:
        """Name the content up to an offset: another name, other content.

        Of a large file only both ends and samples in between are read. That notices every shift, for instance of a
        compaction, but not every octet that is changed in place.
        """
        digest = hashlib.blake2b(str(end).encode(), digest_size=12)
        if end <= WHOLE:
            for start in range(0, end, 1 << 20):
                digest.update(self.read(start, min(end, start + (1 << 20))))
            return digest.hexdigest()
        digest.update(self.read(0, _ENDS))
        for sample in range(1, _SAMPLES + 1):
            start = end * sample // (_SAMPLES + 1)
            digest.update(self.read(start, start + _SAMPLE))
        digest.update(self.read(max(0, end - _ENDS), end))
        return digest.hexdigest()


@contextmanager
def opened(path: Path | str) -> Generator[RegularFile, None, None]:
    """Open a regular file. A FIFO or a device is refused, not waited for.

    Raises:
        OSError: it is not there, may not be read, or is no regular file.
    """
    _expect_regular(Path(path).stat())
    descriptor = os.open(path, _FLAGS)
    try:
        # Somebody may have put something else there since.
        _expect_regular(os.fstat(descriptor))
        yield RegularFile(descriptor)
    finally:
        os.close(descriptor)


def _expect_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


@contextmanager
def in_words(path: Path) -> Generator[None, None, None]:
    """Turn what the operating system says into `Unavailable` with a sentence a person can act on."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unavailable(f"{shown(path)} is not there; check the path, and that its disk is connected") from error
    except PermissionError as error:
        raise Unavailable(f"{shown(path)} may not be read; allow the user this program runs as to read it") from error
    except OSError as error:
        raise Unavailable(f"{shown(path)} cannot be read: {error.strerror or type(error).__name__}") from error


def shown(path: Path | str) -> str:
    """Return a path as clean text: octets that are no UTF-8 are escaped, so that names stay distinct."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
