"""Where the key comes from: an environment variable, or a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ..errors import StorageError
from .encryption import Key, Keys

VARIABLE = "CRMSYNC_KEY"
FILE_VARIABLE = "CRMSYNC_KEY_FILE"
_MOST = 10_000


def keys_from(environ: Mapping[str, str], *, create: bool = False) -> Keys:
    """Return the keys: of `CRMSYNC_KEY`, else of the key file.

    Several keys stand with spaces between them; the first seals, all unseal.

    Args:
        environ: `os.environ`.
        create: whether to make a key file where there is neither.

    Raises:
        StorageError: there is no key, or the key file is not private; the message says what to do.

    """
    if given := environ.get(VARIABLE, "").split():
        return _parsed(given, VARIABLE)
    file = key_file(environ)
    if not os.path.lexists(file):
        if not create:
            raise StorageError(
                f"the key to the stored secrets is missing: set {VARIABLE}, or bring {file} back from where it was made"
            )
        _create(file)
    return read_key_file(file)


def key_file(environ: Mapping[str, str]) -> Path:
    """Return where the key file is: `CRMSYNC_KEY_FILE`, else `crmsync/key` in the user's configuration directory.

    Not beside the accounts, so that a copy of theirs is worth nothing.
    """
    if given := environ.get(FILE_VARIABLE):
        return Path(given)
    if os.name == "nt" and (roaming := environ.get("APPDATA")):
        return Path(roaming) / "crmsync" / "key"
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    return Path(home) / "crmsync" / "key"


def read_key_file(file: Path) -> Keys:
    """Read a key file.

    Raises:
        StorageError: it cannot be read, holds no key, or others than its owner can read it.

    """
    try:
        # What is checked is what is open: a file that is put in its place meanwhile is not read.
        with file.open("rb") as opened:
            _check_private(os.fstat(opened.fileno()), file)
            text = opened.read(_MOST).decode("ascii", "replace")
    except OSError as error:
        raise StorageError(f"the key file {file} cannot be read: {error.strerror}") from None
    return _parsed(text.split(), str(file))


def _check_private(found: os.stat_result, file: Path) -> None:
    if os.name == "nt":
        return  # its permissions are lists that no mode shows; the configuration directory is its user's only
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{file} is no file; a key is kept in a file of its own")
    if found.st_mode & 0o077:
        raise StorageError(f"others can read or change the key file {file}; run: chmod 600 {file}")
    if found.st_uid not in (os.geteuid(), 0):
        raise StorageError(f"the key file {file} belongs to somebody else; make one of your own")


def _parsed(texts: list[str], where: str) -> Keys:
    try:
        return Keys.parse(texts)
    except ValueError as error:
        raise StorageError(f"{where}: {error}") from None


def _create(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made private, not made and then made private; and whoever else makes one at this moment keeps theirs.
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageError(f"the key file {file} cannot be made: {error.strerror}; or set {VARIABLE}") from None
    with os.fdopen(made, "w", encoding="ascii") as opened:
        opened.write(Key.new().text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
