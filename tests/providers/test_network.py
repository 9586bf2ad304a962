from __future__ import annotations

import contextlib
import pickle
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

import pytest
from certificates import Authority, server_context
from pydantic import ValidationError
from scripted import answering, saying, serving

from crmsync.errors import Unavailable
from crmsync.providers.network.access import Access, Security, Server
from crmsync.providers.network.sockets import Lookup, deadline, dial, failure, may_dial, resolve, start_tls, tls_context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def names(*addresses: str) -> Lookup:
    """A name service that knows one answer to everything."""

    def lookup(_: str, port: int, **__: Any) -> Sequence[tuple[Any, ...]]:
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses
        ]

    return lookup


# -- which addresses may be dialled


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "0.0.0.0", "192.0.2.1",
        "169.254.1.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.0.8",
        "168.63.129.16", "100.100.100.200", "::", "::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::7f00:1",
        "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1", "2001:0:4136:e378::1", "2001:db8::1",
        "100::1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_no_special_purpose_address_is_dialled(address: str) -> None:
    assert not may_dial(address)
    with pytest.raises(Unavailable, match="internal address"):
        resolve("mail.example", 993, lookup=names(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1"])
def test_public_addresses_are_dialled(address: str) -> None:
    assert [address] == [e.sockaddr[0] for e in resolve("mail.example", 993, lookup=names(address))]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "100.64.0.1", "::ffff:10.1.2.3"])
def test_the_opt_out_opens_private_networks(address: str) -> None:
    assert may_dial(address, True)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
        "192.0.0.192", "fd00:42::42", "168.63.129.16", "100.100.100.200", "::ffff:192.0.0.192", "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::",
        "2001:0:4136:e378:8000:63bf:5601:5601",
    ],
)  # fmt: skip
def test_no_opt_out_opens_metadata_and_link_local_addresses(address: str) -> None:
    assert not may_dial(address, True)
    assert not may_dial(address, ["0.0.0.0/0", "::/0"])


def test_an_allow_list_opens_its_networks_only() -> None:
    assert may_dial("10.1.2.3", ["10.1.0.0/16"])
    assert not may_dial("10.2.2.3", ["10.1.0.0/16"])
    assert may_dial("8.8.8.8", ["10.1.0.0/16"])


def test_of_several_addresses_only_the_public_ones_are_left() -> None:
    found = resolve("mail.example", 993, lookup=names("127.0.0.1", "8.8.8.8", "8.8.8.8", "10.0.0.1"))
    assert ["8.8.8.8"] == [e.sockaddr[0] for e in found]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::1]", "::1"])
def test_other_ways_to_write_this_machine_are_seen_through(host: str) -> None:
    with pytest.raises(Unavailable):
        resolve(Server(host=host, port=1, username="x").host, 1)


def test_the_address_that_was_checked_is_the_one_dialled() -> None:
    asked = []

    def rebinding(host: str, port: int, **_: Any) -> Sequence[tuple[Any, ...]]:
        # A name that points elsewhere at the second question.
        asked.append(host)
        return names("127.0.0.1" if len(asked) == 1 else "169.254.169.254")(host, port)

    with serving(saying(b"hello")) as port:
        made = dial("mail.example", port, tls=None, allow_internal=True, lookup=rebinding)
        with made:
            assert ("127.0.0.1", port) == made.getpeername()
            assert b"hello" == made.recv(5)
    assert ["mail.example"] == asked


def test_an_address_that_refuses_leaves_the_others_their_turn() -> None:
    with serving(saying(b"hello")) as port:
        lookup = names("127.0.0.2", "127.0.0.1")  # only the second listens
        with dial("mail.example", port, tls=None, allow_internal=True, lookup=lookup) as made:
            assert b"hello" == made.recv(5)


# -- what a person is told


def told(port: int, *, tls: ssl.SSLContext | None, host: str = "127.0.0.1", **options: Any) -> str:
    with pytest.raises(Unavailable) as caught:
        dial(host, port, tls=tls, allow_internal=True, **{"connect_timeout": 5.0, **options}).close()
    return str(caught.value)


def test_a_name_that_is_not_there_is_told_as_such() -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert "there is no server called 'imap.exmaple.com'; check the spelling" == told(
        993, tls=None, host="imap.exmaple.com", lookup=nobody
    )


def test_a_name_service_that_is_silent_ends_at_the_deadline() -> None:
    def silent(*_: Any, **__: Any) -> Sequence[tuple[Any, ...]]:
        time.sleep(3)
        return []

    begun = time.monotonic()
    assert "could not be looked up in time" in told(
        993, tls=None, host="mail.example", connect_timeout=0.2, lookup=silent
    )
    assert time.monotonic() - begun < 2


def test_a_name_that_no_name_service_takes_is_told_as_unknown() -> None:
    def too_long(*_: Any, **__: Any) -> Any:
        raise UnicodeError("label too long")

    assert "there is no server called" in told(1, tls=None, host="x" * 70, lookup=too_long)


def test_a_closed_port_is_told_as_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    assert f"127.0.0.1:{port} refuses connections; check the port, and that the server runs" == told(port, tls=None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expired": True}, "has expired"),
        ({"self_signed": True}, "is self-signed"),
        ({"name": "other.example"}, "is for another name"),
        ({"ca": None}, "comes from an authority that is not trusted here"),
    ],
)
def test_each_fault_of_a_certificate_is_told_apart(authority: Authority, options: dict[str, Any], said: str) -> None:
    ca = options.pop("ca", authority.pem)
    file = authority.issue(options.pop("name", "mail.example"), **options)
    with serving(saying(b"hi"), tls=server_context(file)) as port:
        sentence = told(port, tls=tls_context(ca=ca), host="mail.example", lookup=names("127.0.0.1"))
    assert f"the certificate of mail.example:{port} {said}" in sentence


def test_a_trusted_certificate_for_the_name_connects(authority: Authority) -> None:
    file = authority.issue("mail.example")
    with serving(saying(b"hi"), tls=server_context(file)) as port:
        context = tls_context(ca=authority.pem)
        lookup = names("127.0.0.1")
        with dial("mail.example", port, tls=context, allow_internal=True, lookup=lookup) as made:
            assert b"hi" == made.recv(2)


def test_an_unchecked_certificate_has_to_be_asked_for(authority: Authority) -> None:
    file = authority.issue("other.example", expired=True, self_signed=True)
    with serving(saying(b"hi"), tls=server_context(file)) as port:
        context = tls_context(accept_any_certificate=True)
        with dial("127.0.0.1", port, tls=context, allow_internal=True) as made:
            assert b"hi" == made.recv(2)


def test_a_port_without_tls_is_told_from_a_broken_one() -> None:
    with serving(saying(b"* OK ready\r\n" * 50)) as port:
        assert "does not begin with TLS; choose STARTTLS" in told(port, tls=tls_context())
    with serving(saying(then_wait=False)) as port:
        assert "broke the connection off" in told(port, tls=tls_context())


def test_a_server_that_says_nothing_runs_into_the_deadline() -> None:
    with serving(saying()) as port:
        assert "does not answer in time" in told(port, tls=tls_context(), connect_timeout=0.2)


def test_a_handshake_that_drips_runs_into_the_deadline_too() -> None:
    def drip(connection: socket.socket) -> None:
        # A TLS record of 16 kB, an octet at a time: no single read ever takes long.
        with contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x3f\xff")
            while True:
                connection.sendall(b"\x02")
                time.sleep(0.05)

    begun = time.monotonic()
    with serving(drip) as port:
        assert "does not answer in time" in told(port, tls=tls_context(), connect_timeout=0.5)
    assert time.monotonic() - begun < 3


def test_starttls_on_a_line_that_is_no_tls_closes_it() -> None:
    with serving(saying(b"* BAD no\r\n" * 50)) as port:
        plain = dial("127.0.0.1", port, tls=None, allow_internal=True)
        with pytest.raises(Unavailable, match="does not begin with TLS"):
            start_tls(plain, tls_context(), "127.0.0.1", port)
        assert -1 == plain.fileno()


def test_a_deadline_cuts_a_connection_that_keeps_talking(authority: Authority) -> None:
    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"* noise\r\n")
                time.sleep(0.02)

    for tls in (None, server_context(authority.issue("127.0.0.1"))):
        with serving(talk, tls=tls) as port:
            context = tls_context(ca=authority.pem) if tls else None
            with dial("127.0.0.1", port, tls=context, allow_internal=True) as made:
                begun = time.monotonic()
                with contextlib.suppress(OSError), deadline(made, 0.2):
                    while made.recv(100):
                        pass
                assert time.monotonic() - begun < 2


def test_a_deadline_that_was_kept_leaves_the_connection_open() -> None:
    with (
        serving(answering(b"hi\n", {b"A": b"ok\n"})) as port,
        dial("127.0.0.1", port, tls=None, allow_internal=True) as made,
    ):
        with deadline(made, 0.1):
            assert b"hi\n" == made.recv(10)
        time.sleep(0.2)
        made.sendall(b"a\n")
        assert b"ok\n" == made.recv(10)


@pytest.mark.parametrize(
    "error", [OSError(5, "x"), ConnectionResetError(104, "x"), ssl.SSLError(1, "[SSL] odd"), ValueError("x")]
)
def test_any_error_of_a_socket_becomes_a_sentence(error: Exception) -> None:
    sentence = str(failure("mail.example", 993, error))
    assert "mail.example" in sentence
    assert "x" != sentence
    assert failure("a", 1, Unavailable("as it was")).args == ("as it was",)


# -- the value


@pytest.fixture
def access() -> Access:
    return Access(host="imap.example.com", port=993, username="ann", password=lambda: "hunter2")


def test_no_secret_shows_in_an_access(access: Access) -> None:
    for shown in (repr(access), str(access), str(access.model_dump()), access.model_dump_json()):
        assert "hunter2" not in shown
        assert "password" not in shown
    assert "hunter2" == (access.password or str)()


def test_an_access_is_not_pickled(access: Access) -> None:
    with pytest.raises(TypeError, match="pass the account's key"):
        pickle.dumps(access)
    assert access == access.model_copy()


def test_a_secret_given_as_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(TypeError, match="a callable") as caught:
        Access(host="imap.example.com", port=993, username="ann", password="hunter2")
    assert "hunter2" not in str(caught.value)


def test_an_access_has_exactly_one_secret() -> None:
    server = Server(host="imap.example.com", port=993, username="ann")
    for secrets in ({}, {"password": str, "token": str}):
        with pytest.raises(ValidationError, match="either a password or a token"):
            server.access(**secrets)
    assert server.access(token=str).token is str


@pytest.mark.parametrize("host", ["https://imap.example.com", "imap example", "imap.example.com:993", "", "a..b", "-x"])
def test_a_host_that_is_none_is_refused_with_an_example(host: str) -> None:
    with pytest.raises(ValidationError, match=r"imap\.example\.com"):
        Server(host=host, port=993, username="ann")


def test_a_host_is_kept_as_it_is_asked_for() -> None:
    assert "imap.xn--mnchen-3ya.example" == Server(host=" IMAP.München.Example. ", port=1, username="a").host
    assert "2001:db8::1" == Server(host="[2001:DB8::1]", port=1, username="a").host


@pytest.mark.parametrize(
    "wrong", [{"username": "a\r\nb"}, {"port": 0}, {"path": "x"}, {"path": "/a b"}, {"allow_internal": ["x"]}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Server(**{"host": "a.example", "port": 1, "username": "a", **wrong})


def test_a_server_survives_being_stored() -> None:
    server = Server(host="a.example", port=1, username="a", security=Security.STARTTLS, allow_internal=["10.0.0.0/8"])
    assert server == Server.model_validate_json(server.model_dump_json())


def test_a_ca_that_is_none_is_told() -> None:
    for text in ("nonsense", "", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----"):
        with pytest.raises(ValueError, match="PEM"):
            tls_context(ca=text)
