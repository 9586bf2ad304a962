from __future__ import annotations

import pytest
from any_values import ADDRESSES, NASTY
from hypothesis import given
from hypothesis import strategies as st

from crmsync.rules import company_name, is_academic, is_consumer, registrable_domain, work_domain

any_address = st.sampled_from(ADDRESSES) | NASTY | NASTY.map(lambda text: f"x@{text}.example")


@pytest.mark.parametrize(("address", "domain"), [
    ("ann@example.com", "example.com"),
    ("ann@app.example.co.uk", "example.co.uk"),
    ("ann@a.b.c.example.com.au", "example.com.au"),
    ("ANN@EXAMPLE.COM", "example.com"),
    ("example.com", "example.com"),
    ("ann@example.com.", "example.com"),
    ("ann@.example.com", "example.com"),
    ("ann@foo.github.io", "foo.github.io"),
    ("ann@www.foo.github.io", "foo.github.io"),
    ("ann@foo.myshopify.com", "foo.myshopify.com"),
    ("ann@foo.blogspot.com", "foo.blogspot.com"),
    ("ann@foo.uk.com", "foo.uk.com"),
    ("ann@acme.onmicrosoft.com", "acme.onmicrosoft.com"),
    ("ann@acme.mail.onmicrosoft.com", "acme.mail.onmicrosoft.com"),
    ("jira@acme.atlassian.net", "acme.atlassian.net"),
    ("ann@acme.city.kawasaki.jp", "city.kawasaki.jp"),
    ("ann@foo.kawasaki.jp", None),
    ("ann@münchen.de", "xn--mnchen-3ya.de"),
    ("ann@mail.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
    ("ann@例え.jp", "xn--r8jz45g.jp"),
    ("ann@company.みんな", "company.xn--q9jyb4c"),
    ("ann@client.example", "client.example"),
    ("ann@mail.client.newest", "client.newest"),
    ("ann@fileserver.lan", None),
    ("ann@github.io", None),
    ("ann@co.uk", None),
    ("ann@com", None),
    ("root@localhost", None),
    ("ann@fileserver.local", None),
    ("ann@[192.0.2.1]", None),
    ("ann@[IPv6:2001:db8::1]", None),
    ("ann@192.0.2.1", None),
    ("ann@xn--", None),
    ("ann@..", None),
    ("@", None),
    ("", None),
    ("x@" + "a." * 5_000 + "com", None),
])  # fmt: skip
def test_the_registrable_domain_is_that_of_the_public_suffix_list(address: str, domain: str | None) -> None:
    assert domain == registrable_domain(address)


@pytest.mark.parametrize("domain", [
    "gmail.com", "googlemail.com", "outlook.com", "outlook.de", "outlook.fr", "hotmail.com", "hotmail.co.uk",
    "hotmail.de", "hotmail.es", "live.com", "live.nl", "msn.com", "yahoo.com", "yahoo.fr", "yahoo.co.jp",
    "yahoo.com.br", "yahoo.co.in", "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com", "proton.me",
    "protonmail.com", "pm.me", "fastmail.com", "zoho.com", "gmx.de", "gmx.at",
    "gmx.net", "web.de", "t-online.de", "freenet.de", "posteo.de", "arcor.de", "aon.at",
    "bluewin.ch", "laposte.net", "orange.fr", "wanadoo.fr", "free.fr", "libero.it",
    "virgilio.it", "tiscali.it", "telefonica.net", "sapo.pt", "uol.com.br", "bol.com.br", "terra.com.br", "telenet.be",
    "skynet.be", "ziggo.nl", "kpnmail.nl", "xs4all.nl", "wp.pl", "o2.pl", "onet.pl",
    "interia.pl", "seznam.cz", "centrum.cz", "freemail.hu", "abv.bg", "ukr.net", "mail.ru", "yandex.ru", "bk.ru",
    "rambler.ru", "qq.com", "163.com", "126.com", "sina.com", "naver.com", "hanmail.net",
    "rediffmail.com", "comcast.net", "verizon.net", "att.net",
    "cox.net", "shaw.ca", "bigpond.com", "btinternet.com", "virginmedia.com", "eircom.net",
    "mail.gmail.com",
])  # fmt: skip
def test_mailboxes_for_everybody_are_nobody_s_company(domain: str) -> None:
    assert (True, None) == (is_consumer(f"x@{domain}"), work_domain(f"X@{domain.upper()}"))


@pytest.mark.parametrize("domain", [
    "apple.com", "microsoft.com", "google.com", "github.com", "salesforce.com", "twenty.com", "sap.com", "bmw.de",
    "siemens.com", "telekom.de", "vodafone.com", "orange.com", "basf.com", "ovh.net", "acme.com", "acme.co", "acme.io",
    "acme.ai", "notgmail.com", "gmail.com.acme.io", "acme.onmicrosoft.com", "mit.edu", "firefox.com", "appleid.com",
])  # fmt: skip
def test_companies_are_not_taken_for_mailboxes_for_everybody(domain: str) -> None:
    assert (False, True) == (is_consumer(f"x@{domain}"), work_domain(f"x@{domain}") is not None)


@pytest.mark.parametrize(("domain", "academic"), [
    ("mit.edu", True), ("cs.mit.edu", True), ("ox.ac.uk", True), ("unimelb.edu.au", True), ("kyoto-u.ac.jp", True),
    ("iitb.ac.in", True), ("lausd.k12.ca.us", True), ("a.sch.uk", True), ("uni-heidelberg.de", True),
    ("student.tu-berlin.de", True), ("univ-lille.fr", True), ("acme.com", False), ("acme.ac", False),
    ("ac.gov.br", False), ("edu.acme.com", False), ("education.com", False), ("uni-select.com", False), ("", False),
    ("localhost", False),
])  # fmt: skip
def test_schools_and_universities_are_told_by_suffix_or_name(domain: str, academic: bool) -> None:
    assert academic is is_academic(domain)
    assert academic is is_academic(f"X@{domain.upper()}")


@pytest.mark.parametrize(("domain", "name"), [
    ("app.example.co.uk", "Example"),
    ("example.com", "Example"),
    ("EXAMPLE.COM", "Example"),
    ("ann@example.com", "Example"),
    ("blue-ocean.com", "Blue Ocean"),
    ("blue_ocean.com", "Blue Ocean"),
    ("foo.github.io", "Foo"),
    ("acme.onmicrosoft.com", "Acme"),
    ("xn--mnchen-3ya.de", "München"),
    ("münchen.de", "München"),
    ("例え.jp", "例え"),
    ("bmw.de", "BMW"),
    ("hp.com", "HP"),
    ("kpmg-tax.com", "KPMG Tax"),
    ("ibm.com", "Ibm"),
    ("3m.com", "3m"),
    ("nyx.com", "Nyx"),
    ("localhost", "Localhost"),
    ("fileserver.local", "Fileserver"),
    ("[192.0.2.1]", "[192.0.2.1]"),
    ("xn--.com", "xn--"),
    ("", ""),
])  # fmt: skip
def test_a_company_is_named_after_its_domain(domain: str, name: str) -> None:
    assert name == company_name(domain)


@given(any_address)
def test_any_text_gets_an_answer_and_always_the_same(address: str) -> None:
    for rule in (registrable_domain, is_consumer, is_academic, work_domain, company_name):
        assert rule(address) == rule(address)


@given(any_address)
def test_a_work_domain_is_registrable_and_no_consumer_provider_s(address: str) -> None:
    domain = work_domain(address)
    if domain is not None:
        assert domain == registrable_domain(domain) == registrable_domain(address)
        assert not is_consumer(domain)
        assert company_name(domain)


@given(st.sampled_from(ADDRESSES))
def test_case_does_not_matter(address: str) -> None:
    for rule in (registrable_domain, is_consumer, is_academic, work_domain):
        assert rule(address) == rule(address.upper())
