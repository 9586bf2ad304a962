"""Signed tokens (RFC 7519, RS256). Needs `cryptography`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .wire import Json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """An RSA key, made when it is first used, which takes a tenth of a second."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def private(self) -> RSAPrivateKey:
        """The key."""
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - only for who signs

        return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    @property
    def pem(self) -> str:
        """The key, as PEM."""
        from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415 - only for who signs

        return self.private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()

    @cached_property
    def certificate(self) -> str:
        """A self-signed certificate."""
        from cryptography import x509  # noqa: PLC0415 - only for who signs
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - only for who signs

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback.example")])
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(1)
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=36_500))
            .sign(self.private, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a signed token with these claims."""
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - only for who signs
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - only for who signs

        head = {"alg": "RS256", "kid": self.name, "typ": "JWT"}
        said = ".".join(_text(json.dumps(part).encode()) for part in (head, dict(claims)))
        return f"{said}.{_text(self.private.sign(said.encode(), padding.PKCS1v15(), SHA256()))}"

    def verified(self, token: str) -> Json | None:
        """Return a token's claims, None where this key has not signed it."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only for who signs
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - only for who signs
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - only for who signs

        claims = unverified(token)
        said, _, signature = token.rpartition(".")
        try:
            self.private.public_key().verify(_octets(signature), said.encode(), padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return None
        return claims


def unverified(token: str) -> Json | None:
    """Return a token's claims without looking at its signature, None where it is no token."""
    try:
        claims = json.loads(_octets(token.split(".")[1]))
    except (ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) else None
