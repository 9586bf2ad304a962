from __future__ import annotations

import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.errors import NotAuthorized
from crmsync.providers.http_login import Digest, basic, bearer, challenged

# RFC 7616 section 3.9.1.
OFFERS = [
    f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    for algorithm in ("SHA-256", "MD5")
]
OWN = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
ANSWERS = {
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
}


def told(header: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="?([^",]+)"?', header.removeprefix("Digest ")))


@pytest.mark.parametrize("algorithm", ANSWERS)
def test_the_rfcs_own_example_is_answered_as_it_says(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: OWN)
    login = challenged("Mufasa", "Circle of Life", [one for one in OFFERS if f"={algorithm}," in one])
    assert login

    said = told(login.header("GET", "/dir/index.html"))

    assert (ANSWERS[algorithm], "00000001", OWN) == (said["response"], said["nc"], said["cnonce"])
    assert (algorithm, "/dir/index.html") == (said["algorithm"], said["uri"])
    assert "00000002" == told(login.header("GET", "/"))["nc"]


@pytest.mark.parametrize(
    "offers",
    [
        OFFERS, OFFERS[::-1], [", ".join(OFFERS)], ['Basic realm="a, b"', *OFFERS], [f'Basic realm="x", {OFFERS[0]}'],
        [f'{OFFERS[0]}, Basic realm="x"'], [f'Negotiate, {OFFERS[0]}'],
    ],
)  # fmt: skip
def test_the_best_challenge_is_found_among_any_others(offers: list[str]) -> None:
    login = challenged("Mufasa", "x", offers)
    assert login
    said = told(login.header("GET", "/"))
    assert ("SHA-256", "http-auth@example.org") == (said["algorithm"], said["realm"])


def test_a_server_of_rfc_2069s_time_is_answered_as_it_wants() -> None:
    login = challenged(
        "Mufasa", "CircleOfLife", ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f6"']
    )
    assert login
    said = told(login.header("GET", "/dir/index.html"))
    assert {"username", "realm", "nonce", "uri", "response"} == said.keys()


@pytest.mark.parametrize(
    "offer",
    [
        "", "Basic realm=x", "Digest", 'Digest realm="x"', 'Digest nonce="x", algorithm=SHA-999',
        'Digest nonce="x", qop="auth-int"', 'Basic realm="Digest nonce=x"',
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_no_challenge(offer: str) -> None:
    assert challenged("a", "b", [offer]) is None


@given(st.text() | st.text(alphabet='Digest nonce="\\, =qop'))
def test_any_offer_is_read(offer: str) -> None:
    login = challenged("a", "b", [offer, f'Digest nonce="1", {offer}'])
    assert login is None or login.header("GET", "/").startswith("Digest ")


def test_only_so_many_challenges_are_looked_at_that_a_hostile_header_costs_its_length() -> None:
    unknown = 'Digest nonce="1", algorithm=X'
    assert challenged("a", "b", [", ".join([*[unknown] * 9, 'Digest nonce="1"'])])
    assert challenged("a", "b", [", ".join([*[unknown] * 10, 'Digest nonce="1"'])]) is None


def test_names_and_passwords_of_any_script_and_with_quotes_arrive() -> None:
    assert "Basic w7xiZXI6cMOkw58=" == basic("über", "päß").header("GET", "/")
    login = Digest('Jäsøn "J" Doe', "x", {"nonce": "1"})
    assert r'username="Jäsøn \"J\" Doe"' in login.header("GET", "/")


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "tökén", "a\x00"])
def test_what_could_not_stand_in_a_header_is_no_token(token: str) -> None:
    with pytest.raises(NotAuthorized):
        bearer(token)
