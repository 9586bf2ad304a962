"""The public suffix list, against the package whose copy of it is read."""

from __future__ import annotations

import idna
import pytest
import tldextract
from hypothesis import given
from hypothesis import strategies as st

from crmsync.model.suffixes import Parts, _rules, split_domain

THEIRS = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
OURS_ONLY = {
    "onmicrosoft.com", "mail.onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "partner.onmschina.cn",
    "atlassian.net",
}  # fmt: skip
BENEATH_TWO_WILDCARDS = {
    "ex.futurecms.at", "in.futurecms.at", "oci.customer-oci.com", "ocp.customer-oci.com", "ocs.customer-oci.com",
    "privatelink.snowflake.app", "sub.wc.psl.hrsn.dev", "svc.firenet.ch",
}  # fmt: skip
"""Of `*.a` and `*.b.a` the first makes `b.a` a suffix (publicsuffix.org, "Algorithm"); theirs overlooks it."""


def theirs(domain: str) -> Parts:
    found = THEIRS.extract_str(domain)
    return Parts(found.domain, found.suffix)


def encoded(domain: str) -> str:
    return ".".join(label if label.isascii() else idna.encode(label).decode() for label in domain.split("."))


def test_every_rule_of_the_list_splits_as_the_package_does() -> None:
    bases = {encoded(rule.lstrip("!*.")) for rule in _rules() - OURS_ONLY}
    assert len(bases) > 9_000
    different = {
        base
        for base in bases
        for before in ("", "www.", "b.a.", "c.b.a.")
        if split_domain(before + base) != theirs(before + base)
    }
    assert different <= BENEATH_TWO_WILDCARDS


@pytest.mark.parametrize(
    ("domain", "parts", "registrable"),
    [
        ("app.example.co.uk", ("example", "co.uk"), "example.co.uk"),
        ("ann.github.io", ("ann", "github.io"), "ann.github.io"),
        ("github.io", ("", "github.io"), ""),
        ("acme.onmicrosoft.com", ("acme", "onmicrosoft.com"), "acme.onmicrosoft.com"),
        ("www.city.kawasaki.jp", ("city", "kawasaki.jp"), "city.kawasaki.jp"),
        ("a.b.kawasaki.jp", ("a", "b.kawasaki.jp"), "a.b.kawasaki.jp"),
        ("xn--85x722f.xn--55qx5d.cn", ("xn--85x722f", "xn--55qx5d.cn"), "xn--85x722f.xn--55qx5d.cn"),
        ("printer.fritz.box.nowhere", ("nowhere", ""), ""),
        ("svc.firenet.ch", ("", "svc.firenet.ch"), ""),
    ],
)  # fmt: skip
def test_a_domain_is_split_where_somebody_registered_it(domain: str, parts: tuple[str, str], registrable: str) -> None:
    assert (parts, registrable) == (tuple(split_domain(domain)), split_domain(domain).registrable)


@given(st.text(alphabet="ab.-xn8:/@*!", max_size=260))
def test_any_text_is_split(domain: str) -> None:
    parts = split_domain(domain)
    assert domain.endswith(parts.suffix)
    assert "." not in parts.label
