"""Under which domains anybody may register: the public suffix list (publicsuffix.org), as `tldextract` bundles it.

Only its data is read. The package itself loads an HTTP library and makes an object of each label: a quarter of a second
in each process that meets an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from importlib.abc import SourceLoader

_TENANTS = frozenset({
    "onmicrosoft.com", "mail.onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "partner.onmschina.cn",
    "atlassian.net",
})  # fmt: skip
"""Domains whose every subdomain is another company, and which the list lacks."""


class Parts(NamedTuple):
    """A domain, split where somebody registered it: `app.example.co.uk` is `example` under `co.uk`."""

    label: str
    """Empty where the domain is a public suffix itself."""
    suffix: str
    """Empty where no rule of the list matches."""

    @property
    def registrable(self) -> str:
        """The registrable domain, empty where there is none."""
        return f"{self.label}.{self.suffix}" if self.label and self.suffix else ""


@lru_cache(maxsize=65_536)
def split_domain(domain: str) -> Parts:
    """Split a domain in lower case, as A-labels.

    >>> split_domain("app.example.co.uk")
    Parts(label='example', suffix='co.uk')
    """
    rules, labels = _rules(), domain.split(".")
    plain = [_unicode(label) if label.startswith("xn--") else label for label in labels]
    for index in range(len(labels)):
        here, above = ".".join(plain[index:]), ".".join(plain[index + 1 :])
        if f"!{here}" in rules:
            return _parts(labels, index + 1)
        if here in rules or f"*.{above}" in rules:
            return _parts(labels, index)
    return Parts(labels[-1], "")


def _parts(labels: list[str], index: int) -> Parts:
    return Parts(labels[index - 1] if index else "", ".".join(labels[index:]))


@cache
def _rules() -> frozenset[str]:
    spec = find_spec("tldextract")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("crmsync needs tldextract", name="tldextract")
    file = f"{spec.submodule_search_locations[0]}/.tld_set_snapshot"
    lines: Iterable[str] = cast("SourceLoader", spec.loader).get_data(file).decode().split("\n")
    return _TENANTS.union(line.partition(" ")[0].strip() for line in lines if line and not line.startswith("//"))


def _unicode(label: str) -> str:
    import idna  # noqa: PLC0415 - few domains need it

    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label
