"""Secrets at rest: sealed with AES-256-GCM for the place they are stored at, under keys that can be changed.

A sealed secret is text, `crmsync1:KEY:DATA`: the key's name and, in base64url, a nonce and the ciphertext with its tag.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import StorageError

_SCHEME: Final = "crmsync1"
_KEY_OCTETS: Final = 32
_NONCE_OCTETS: Final = 12  # NIST SP 800-38D section 8.2.2; random, so a key seals some 2**32 secrets at most


class Key:
    """A key of 256 bits. It shows in no `repr` and is not pickled."""

    __slots__ = ("_octets", "name")

    def __init__(self, text: str) -> None:
        """Read a key as `text` shows it.

        Raises:
            ValueError: it is none. The text is not in the error.

        """
        try:
            octets = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        if len(octets) != _KEY_OCTETS:
            raise ValueError("this is no key; one is 32 octets in base64, and `Key.new()` makes one")
        self._octets = octets
        self.name = hashlib.sha256(b"crmsync key name" + octets).hexdigest()[:8]
        """Tells keys apart, and says nothing of the key."""

    @classmethod
    def new(cls) -> Key:
        """Make a key from the operating system's random numbers."""
        return cls(base64.b64encode(os.urandom(_KEY_OCTETS)).decode("ascii"))

    @property
    def text(self) -> str:
        """The key itself, for whoever has to store it."""
        return base64.urlsafe_b64encode(self._octets).decode("ascii")

    def cipher(self) -> AESGCM:
        """Return the cipher under this key."""
        return AESGCM(self._octets)

    def __repr__(self) -> str:
        return f"<Key {self.name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Key is not pickled; whoever needs it reads it where it is kept")


class Keys:
    """The key that seals, and former ones that still unseal.

    To change the key, put the new one first, seal everything again (`sealed_again`), and take the old one out when
    nothing is left under it (`is_current`).
    """

    def __init__(self, current: Key, *former: Key) -> None:
        self.current = current
        self._all = {key.name: key for key in (*reversed(former), current)}

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Keys:
        """Read keys as `Key.text` shows them, the current one first.

        Raises:
            ValueError: there is none, or one is none.

        """
        if not texts:
            raise ValueError("there is no key")
        return cls(*(Key(text) for text in texts))

    def within(self, place: str) -> Keys:
        """Return the same keys for secrets of one place, such as a workspace: what they seal opens nowhere else."""
        return _KeysWithin(self, place)

    def __repr__(self) -> str:
        return f"<Keys {', '.join(self._all)}>"

    def seal(self, secret: str, place: str) -> str:
        """Encrypt a secret for one place, such as "account 7/imap": moved to another one, it does not open."""
        nonce = os.urandom(_NONCE_OCTETS)
        sealed = nonce + self.current.cipher().encrypt(nonce, secret.encode("utf-8", "surrogatepass"), place.encode())
        return f"{_SCHEME}:{self.current.name}:{base64.urlsafe_b64encode(sealed).decode('ascii')}"

    def unseal(self, sealed: str, place: str) -> str:
        """Decrypt a secret.

        Raises:
            StorageError: it was sealed with a key that is not here, for another place, or is damaged.

        """
        scheme, _, rest = sealed.partition(":")
        name, _, data = rest.partition(":")
        if scheme != _SCHEME or not data:
            raise StorageError("a stored secret is not one that crmsync sealed; connect the account again")
        if (key := self._all.get(name)) is None:
            raise StorageError(
                f"a stored secret was sealed with the key {name}, which is not here; give that key, or connect the "
                "account again"
            )
        try:
            octets = base64.urlsafe_b64decode(data)
            opened = key.cipher().decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], place.encode())
        except (InvalidTag, ValueError):
            raise StorageError(
                "a stored secret does not open: it is damaged, or was moved from another account; connect it again"
            ) from None
        return opened.decode("utf-8", "surrogatepass")

    def is_current(self, sealed: str) -> bool:
        """Tell whether it is sealed with the current key."""
        return sealed.startswith(f"{_SCHEME}:{self.current.name}:")

    def sealed_again(self, sealed: str, place: str) -> str:
        """Return the secret sealed with the current key; as it is where it was so already.

        Raises:
            StorageError: see `unseal`.

        """
        return sealed if self.is_current(sealed) else self.seal(self.unseal(sealed, place), place)


class _KeysWithin(Keys):
    def __init__(self, keys: Keys, place: str) -> None:
        self.current = keys.current
        self._all = keys._all
        self._within = place

    def seal(self, secret: str, place: str) -> str:
        return super().seal(secret, f"{self._within}/{place}")

    def unseal(self, sealed: str, place: str) -> str:
        return super().unseal(sealed, f"{self._within}/{place}")
