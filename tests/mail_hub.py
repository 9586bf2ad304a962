"""A real SMTP server (aiosmtpd) on a free port of this machine, whose answers a test can change."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailHub:
    """What the server is told to answer, and what it got."""

    user: str = "mia@acme.com"
    password: str = "s3cret-pass"
    token: str = "ya29.access-token"
    answers: dict[str, str] = field(default_factory=dict)
    """A step ("MAIL", "RCPT bob@client.example", "DATA"), and what it is answered."""
    most: int = 0
    """How many recipients it takes at once."""
    cut: bool = False
    """Whether it breaks the connection off when it has the message."""
    mail: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        if answer := self.answers.get("MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        if self.most and len(envelope.rcpt_tos) >= self.most:
            return "452 4.5.3 too many recipients at once"
        if answer := self.answers.get(f"RCPT {address}", self.answers.get("RCPT", "")):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if answer := self.answers.get("DATA"):
            return answer
        self.mail.append(envelope)
        if self.cut and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "250 2.0.0 queued"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's
        return await self._token(server, args, b"user=mia@acme.com\1auth=Bearer %s\1\1")

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's
        said = b"n,a=mia@acme.com,\1host=127.0.0.1\1port=%d\1auth=Bearer %%s\1\1" % self.port
        return await self._token(server, args, said)

    async def _token(self, server: SMTP, args: list[str], expected: bytes) -> AuthResult:
        self.logins.append(args[0])
        if base64.b64decode(args[1]) == expected % self.token.encode():
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(mechanism)
        if answer := self.answers.get("AUTH"):
            return AuthResult(success=False, handled=False, message=answer)
        good = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=data == good, handled=False)

    @contextmanager
    def running(
        self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, **options: Any
    ) -> Iterator[MailHub]:
        """Run it, with TLS from the first octet or by STARTTLS."""
        loop = asyncio.new_event_loop()

        def protocol() -> SMTP:
            return SMTP(
                self, hostname="hub.example", tls_context=starttls, require_starttls=starttls is not None,
                authenticator=self.authenticate, loop=loop,
                **{"auth_require_tls": starttls is not None, "enable_SMTPUTF8": True, **options},
            )  # fmt: skip

        server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=tls))
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(_close(server), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
