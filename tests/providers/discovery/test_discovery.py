from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from certificates import Authority, server_context
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from name_server import Page, at_port, name_server, web_server
from scripted import saying, serving

from crmsync.providers.network import lookups
from crmsync.providers.network.access import Security, Server
from crmsync.providers.network.autoconfig import parse_autoconfig
from crmsync.providers.network.discovery import Candidate, Discovered, Network, Origin, discover
from crmsync.providers.network.known import PROVIDERS, Service, provider_by_mx, provider_of, saves_sent, servers_of

CONFIG = b"""<?xml version="1.0"?>
<clientConfig version="1.1">
 <emailProvider id="client.example">
  <domain>client.example</domain>
  <incomingServer type="pop3"><hostname>pop.client.example</hostname><port>995</port><socketType>SSL</socketType>
   </incomingServer>
  <incomingServer type="imap">
   <hostname>mail.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
   <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication>
  </incomingServer>
  <incomingServer type="imap">
   <hostname>mail.client.example</hostname><port>143</port><socketType>plain</socketType></incomingServer>
  <outgoingServer type="smtp">
   <hostname>mail.client.example</hostname><port>587</port><socketType>STARTTLS</socketType>
   <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication>
  </outgoingServer>
 </emailProvider>
 <webMail><loginPage url="https://client.example/" /></webMail>
</clientConfig>"""
AUTOCONFIG = "autoconfig.client.example/mail/config-v1.1.xml?emailaddress=ann@client.example"
WELL_KNOWN = "client.example/.well-known/autoconfig/mail/config-v1.1.xml"
DATABASE = "db.example/v1.1/client.example"
HOSTS = ("autoconfig.client.example", "client.example", "db.example", "other.example")


def nothing(*_: Any) -> Any:
    return None


def silent(name: str, kind: str) -> Sequence[str]:
    return ()


def never(service: Service, server: Server) -> bool:
    return False


OFFLINE = Network(nothing, silent, never)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Web:
    """A web server's pages, and what was asked of it."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.fetch: Any = None


@pytest.fixture
def web(authority: Authority) -> Iterator[Web]:
    made = Web()
    with web_server(server_context(authority.issue(*HOSTS)), made.pages, made.asked) as port:
        made.fetch = partial(
            lookups.fetch, ca=authority.pem, allow_internal=True, lookup=at_port(port, *HOSTS), seconds=3
        )
        yield made


def found(address: str = "ann@client.example", network: Network = OFFLINE, **options: Any) -> Discovered:
    return discover(address, network=network, **{"database": "https://db.example/v1.1/", "timeout": 5.0, **options})


def shown(candidates: Sequence[Candidate]) -> list[tuple[str, str, int, str, str]]:
    return [(c.service, c.server.host, c.server.port, c.server.security.value, c.server.username) for c in candidates]


FOUND = [
    ("imap", "mail.client.example", 993, "tls", "ann"),
    ("smtp", "mail.client.example", 587, "starttls", "ann@client.example"),
]


# -- known providers


def test_a_known_provider_is_told_without_asking_anybody() -> None:
    def ask(*_: Any) -> Any:
        raise AssertionError("nobody is to be asked")

    told = discover("Mia@GMail.com", network=Network(ask, ask, ask))
    assert [
        ("imap", "imap.gmail.com", 993, "tls", "mia@gmail.com"),
        ("smtp", "smtp.gmail.com", 465, "tls", "mia@gmail.com"),
    ] == shown(told.candidates)
    assert told.provider is not None
    assert "app" == told.provider.login
    assert "app password" in told.provider.advice
    assert {Origin.PROVIDER} == {c.origin for c in told.candidates}


@pytest.mark.parametrize(
    ("address", "name", "login"),
    [
        ("a@outlook.com", "Outlook.com", "never"), ("a@yahoo.co.uk", "Yahoo", "app"), ("a@icloud.com", "iCloud", "app"),
        ("a@fastmail.com", "Fastmail", "app"), ("a@gmx.de", "GMX", "account"), ("a@web.de", "WEB.DE", "account"),
        ("a@zoho.com", "Zoho", "app"), ("a@yandex.ru", "Yandex", "app"), ("a@proton.me", "Proton Mail", "never"),
    ],
)  # fmt: skip
def test_whether_a_password_works_is_known_of_the_large_providers(address: str, name: str, login: str) -> None:
    provider = found(address).provider
    assert provider is not None
    assert (name, login) == (provider.name, provider.login)
    assert provider.advice or login == "account"


def test_apple_is_given_the_name_first_and_then_the_whole_address() -> None:
    told = found("ann@icloud.com")
    assert ["ann", "ann@icloud.com"] == [c.server.username for c in told.of("imap")]
    assert ["ann@icloud.com"] == [c.server.username for c in told.of("smtp")]


def test_every_known_provider_has_servers_that_can_be_dialled_encrypted() -> None:
    services: tuple[Service, ...] = ("imap", "smtp", "caldav")
    for known in PROVIDERS:
        for service in services:
            for server in servers_of(known, service, "ann@client.example"):
                assert server.security is not Security.UNENCRYPTED
        assert known.imap or known.login == "never"
        assert known.domains or known.mx
    domains = [domain for known in PROVIDERS for domain in known.domains.split()]
    assert len(domains) == len(set(domains))
    assert saves_sent("SMTP.gmail.com")
    assert not saves_sent("smtp.example.com")
    assert provider_of("client.example") is None


@pytest.mark.parametrize(
    ("exchanger", "name"),
    [
        ("ASPMX.L.GOOGLE.COM.", "Gmail"), ("acme-com.mail.protection.outlook.com.", "Microsoft 365"),
        ("acme-com.a-v1.mx.microsoft", "Microsoft 365"), ("x.olc.protection.outlook.com", "Outlook.com"),
        ("in1-smtp.messagingengine.com", "Fastmail"), ("mx.zoho.eu", "Zoho"), ("mx00.kundenserver.de", "IONOS"),
    ],
)  # fmt: skip
def test_a_customers_domain_is_known_by_its_mail_exchanger(exchanger: str, name: str) -> None:
    known = provider_by_mx([exchanger])
    assert known is not None
    assert name == known.name
    assert provider_by_mx([f"not{exchanger.rstrip('.')}.example", "evilgoogle.com"]) is None


def test_a_known_exchanger_beats_what_a_web_host_says(web: Web) -> None:
    web.pages[AUTOCONFIG] = (200, {}, CONFIG)
    records = {("client.example", "MX"): ["10 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com."]}
    with name_server(records) as port:
        query = partial(lookups.query, nameservers=["127.0.0.1"], port=port)
        told = found(network=Network(web.fetch, query, never))
    assert ["imap.gmail.com", "smtp.gmail.com"] == [c.server.host for c in told.candidates]
    assert {Origin.EXCHANGER} == {c.origin for c in told.candidates}
    assert told.provider is not None


# -- autoconfig


@pytest.mark.parametrize(
    ("place", "origin"),
    [(AUTOCONFIG, Origin.AUTOCONFIG), (WELL_KNOWN, Origin.AUTOCONFIG), (DATABASE, Origin.DATABASE)],
)
def test_an_autoconfig_file_is_found_at_each_of_its_places(web: Web, place: str, origin: Origin) -> None:
    web.pages[place] = (200, {}, CONFIG)
    told = found(network=OFFLINE._replace(fetch=web.fetch))
    assert FOUND == shown(told.candidates)
    assert {origin} == {c.origin for c in told.candidates}


def test_the_same_server_from_two_places_is_one_candidate(web: Web) -> None:
    web.pages |= {AUTOCONFIG: (200, {}, CONFIG), WELL_KNOWN: (200, {}, CONFIG)}
    assert FOUND == shown(found(network=OFFLINE._replace(fetch=web.fetch)).candidates)


def test_a_redirect_is_followed_to_another_encrypted_address_only(web: Web) -> None:
    network = OFFLINE._replace(fetch=web.fetch)
    web.pages["other.example/file?x=1"] = (200, {}, CONFIG)
    web.pages[AUTOCONFIG] = (302, {"Location": "https://other.example/file?x=1"}, b"")
    assert FOUND == shown(found(network=network).candidates)
    for bad in ("http://other.example/file?x=1", "https://127.0.0.1/", "file:///etc/passwd", "https://[x", "//\0", ""):
        web.pages[AUTOCONFIG] = (302, {"Location": bad}, b"")
        assert () == found(network=network).candidates


def test_redirects_in_a_circle_end(web: Web) -> None:
    web.pages[AUTOCONFIG] = (302, {"Location": f"https://{AUTOCONFIG}"}, b"")
    assert () == found(network=OFFLINE._replace(fetch=web.fetch)).candidates
    assert 4 == web.asked.count(AUTOCONFIG)


def test_the_database_is_not_told_the_domain_if_it_is_not_to_be(web: Web) -> None:
    found(network=OFFLINE._replace(fetch=web.fetch), database=None)
    assert [] == [url for url in web.asked if url.startswith("db.example")]
    assert {AUTOCONFIG, WELL_KNOWN} == set(web.asked)


def test_an_internal_address_is_not_asked(authority: Authority) -> None:
    asked: list[str] = []
    with web_server(server_context(authority.issue(*HOSTS)), {AUTOCONFIG: (200, {}, CONFIG)}, asked) as port:
        fetch = partial(lookups.fetch, ca=authority.pem, lookup=at_port(port, *HOSTS))
        assert () == found(network=OFFLINE._replace(fetch=fetch)).candidates
    assert [] == asked


def test_a_stranger_without_the_certificate_is_not_believed(authority: Authority) -> None:
    pages: dict[str, Page] = {AUTOCONFIG: (200, {}, CONFIG)}
    with web_server(server_context(authority.issue("evil.example")), pages, []) as port:
        fetch = partial(lookups.fetch, ca=authority.pem, allow_internal=True, lookup=at_port(port, *HOSTS))
        assert () == found(network=OFFLINE._replace(fetch=fetch)).candidates


def test_a_web_server_that_is_slow_holds_nobody_up(authority: Authority) -> None:
    with web_server(server_context(authority.issue(*HOSTS)), {}, [], slow=5) as port:
        fetch = partial(lookups.fetch, ca=authority.pem, allow_internal=True, lookup=at_port(port, *HOSTS), seconds=0.3)
        begun = time.monotonic()
        assert () == found(network=OFFLINE._replace(fetch=fetch)).candidates
        assert time.monotonic() - begun < 3


def test_a_question_that_never_ends_ends_at_the_deadline() -> None:
    def stuck(_: str) -> bytes | None:
        time.sleep(3)
        return CONFIG

    begun = time.monotonic()
    assert () == found(network=OFFLINE._replace(fetch=stuck), timeout=0.2).candidates
    assert time.monotonic() - begun < 2


def test_an_answer_that_is_too_large_is_none(web: Web) -> None:
    web.pages[AUTOCONFIG] = (200, {}, CONFIG + b" " * 300_000)
    assert () == found(network=OFFLINE._replace(fetch=web.fetch)).candidates


def test_an_autoconfig_that_names_a_known_providers_server_brings_its_advice(web: Web) -> None:
    web.pages[AUTOCONFIG] = (200, {}, CONFIG.replace(b"mail.%EMAILDOMAIN%", b"imap.gmail.com"))
    provider = found(network=OFFLINE._replace(fetch=web.fetch)).provider
    assert provider is not None
    assert "Gmail" == provider.name


# -- the file itself


def test_what_a_file_says_is_read_as_it_is() -> None:
    told = parse_autoconfig(CONFIG, "ann@client.example")
    assert ["pop3", "imap", "imap", "smtp"] == [one.type for one in told]
    assert ("ann", "mail.client.example") == (told[1].username, told[1].host)
    assert "ann@client.example" == told[2].username
    assert ("password-cleartext",) == told[3].authentication


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"<", b"<html></html>", b"\xff\xfe<\x00", b"<clientConfig>" * 10_000,
        b"<clientConfig><emailProvider>" + b"<incomingServer type='imap'/>" * 10_000,
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><clientConfig>&b;</clientConfig>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><clientConfig><emailProvider/></clientConfig>',
        b'<?xml version="1.0" encoding="made-up"?><clientConfig/>',
        CONFIG.replace(b"993", b"-1").replace(b"143", b"9" * 5_000).replace(b"587", b"").replace(b"995", "٣".encode()),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_tells_nothing(octets: bytes) -> None:
    assert () == parse_autoconfig(octets, "ann@client.example")


def test_an_entity_that_grows_is_never_expanded() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(10))
    bomb = f"<!DOCTYPE x [{entities}]><clientConfig><emailProvider><a>&e9;</a></emailProvider></clientConfig>"
    begun = time.monotonic()
    assert () == parse_autoconfig(bomb.encode(), "ann@client.example")
    assert time.monotonic() - begun < 1


@settings(max_examples=examples(60))
@given(st.integers(0, len(CONFIG)), st.binary(max_size=20))
def test_a_file_that_is_cut_or_overwritten_never_raises(at: int, put: bytes) -> None:
    for octets in (CONFIG[:at], CONFIG[:at] + put + CONFIG[at + len(put) :]):
        for one in parse_autoconfig(octets, "ann@client.example"):
            assert one.host


def test_servers_that_are_no_names_or_not_encrypted_are_no_candidates(web: Web) -> None:
    for bad in (b"a b", b"http://x/", b"", b"x" * 300):
        web.pages[AUTOCONFIG] = (200, {}, CONFIG.replace(b"mail.%EMAILDOMAIN%", bad))
        told = found(network=OFFLINE._replace(fetch=web.fetch), services=["imap"])
        assert () == told.candidates


# -- DNS


SRV = {
    ("_imaps._tcp.client.example", "SRV"): ["20 1 993 two.client.example.", "10 5 1993 one.client.example."],
    ("_imap._tcp.client.example", "SRV"): ["0 1 143 three.client.example."],
    ("_submission._tcp.client.example", "SRV"): ["0 1 587 smtp.client.example."],
    ("_submissions._tcp.client.example", "SRV"): ["0 0 0 ."],
    ("_caldavs._tcp.client.example", "SRV"): ["0 1 443 dav.client.example."],
    ("_caldavs._tcp.client.example", "TXT"): ['"path=/dav/"'],
}


def test_service_records_are_read_in_their_order() -> None:
    with name_server(SRV) as port:
        query = partial(lookups.query, nameservers=["127.0.0.1"], port=port)
        told = found(network=OFFLINE._replace(query=query), services=["imap", "smtp", "caldav"])
    assert [
        ("imap", "one.client.example", 1993, "tls", "ann@client.example"),
        ("imap", "two.client.example", 993, "tls", "ann@client.example"),
        ("imap", "three.client.example", 143, "starttls", "ann@client.example"),
        ("smtp", "smtp.client.example", 587, "starttls", "ann@client.example"),
        ("caldav", "dav.client.example", 443, "tls", "ann@client.example"),
    ] == shown(told.candidates)
    assert "/dav/" == told.of("caldav")[0].server.path
    assert {Origin.SERVICE} == {c.origin for c in told.candidates}


def test_a_name_server_that_is_silent_is_left_in_time() -> None:
    begun = time.monotonic()
    with name_server({}, silent=True) as port:
        assert () == lookups.query("client.example", "MX", nameservers=["127.0.0.1"], port=port, seconds=0.3)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("record", ["", "x", "1 2 x host.", "0 1 99999 host.", "0 1 443 a b"])
def test_records_that_are_none_are_passed_over(record: str) -> None:
    assert () == found(network=OFFLINE._replace(query=lambda name, kind: [record])).candidates


# -- guesses


def test_guesses_that_answer_as_such_a_server_are_candidates() -> None:
    def speaks(service: Service, server: Server) -> bool:
        return server.host == "mail.client.example" and server.security is Security.TLS

    told = found(network=OFFLINE._replace(speaks=speaks))
    assert [
        ("imap", "mail.client.example", 993, "tls", "ann@client.example"),
        ("smtp", "mail.client.example", 465, "tls", "ann@client.example"),
    ] == shown(told.candidates)
    assert {Origin.GUESS} == {c.origin for c in told.candidates}


@pytest.mark.parametrize(
    ("service", "greeting", "good"),
    [
        ("imap", b"* OK ready\r\n", True), ("imap", b"220 smtp\r\n", False), ("smtp", b"220 hub\r\n", True),
        ("smtp", b"554 no\r\n", False), ("imap", b"HTTP/1.1 400\r\n", False), ("caldav", b"", True),
    ],
)  # fmt: skip
def test_a_guess_is_tried_without_a_login(authority: Authority, service: Service, greeting: bytes, good: bool) -> None:
    server = Server(host="127.0.0.1", port=1, username="a", allow_internal=True, ca=authority.pem)
    with serving(saying(greeting), tls=server_context(authority.issue("127.0.0.1"))) as port:
        assert good is lookups.speaks(service, server.model_copy(update={"port": port}), seconds=1)
    plain = {"security": Security.STARTTLS}
    with serving(saying(greeting)) as port:
        assert good is lookups.speaks(service, server.model_copy(update={"port": port, **plain}), seconds=1)
    assert not lookups.speaks(service, server)


@pytest.mark.parametrize("address", ["", "ann", "ann@", "ann@localhost", "ann@a/b?c.example", "ann@-", "a@b@c..d"])
def test_what_is_no_address_is_asked_of_nobody(address: str) -> None:
    def ask(*_: Any) -> Any:
        raise AssertionError("nobody is to be asked")

    assert () == discover(address, network=Network(ask, ask, ask)).candidates
