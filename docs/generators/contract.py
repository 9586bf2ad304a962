"""The clauses of the contracts that storages and providers keep."""

from __future__ import annotations

import inspect

from crmsync import testing

from .markdown import code, first_sentence, table

CONTRACTS = (
    "StorageContract",
    "PeopleContract",
    "HeldContract",
    "RecallContract",
    "CompaniesContract",
    "AddressesContract",
    "ChannelsContract",
    "WorkspacesContract",
    "ListContract",
    "WritersContract",
    "SourceContract",
)


def each() -> str:
    """Return a chapter for each contract: its hooks, its clauses."""
    return "\n".join(_chapter(getattr(testing, name)) for name in CONTRACTS)


def hooks(contract: type) -> dict[str, str]:
    """Return what a host gives, by name, and whether it must."""
    found = {}
    for owner in reversed(contract.__mro__):
        for name, method in vars(owner).items():
            if inspect.isfunction(method) and not name.startswith(("_", "test_")):
                if "raise NotImplementedError" in inspect.getsource(method):
                    found[name] = "required"
                elif "By default " in (inspect.getdoc(method) or ""):
                    found[name] = "optional"
    return found


def clauses(contract: type) -> list[str]:
    """Return the names of a contract's clauses, those of its parents too, in the order in which they are written."""
    names = [name for name in dir(contract) if name.startswith("test_")]
    return sorted(names, key=lambda name: _place(contract, name))


def _chapter(contract: type) -> str:
    shared = hooks(testing.StorageHooks) if contract is not testing.StorageContract else {}
    given = [
        (code(name), need, _said(getattr(contract, name)))
        for name, need in hooks(contract).items()
        if name not in shared
    ]
    kept = [(_sentence(name), _said(getattr(contract, name))) for name in clauses(contract)]
    parts = [f"## {contract.__name__}\n\n{first_sentence(inspect.getdoc(contract) or '')}\n"]
    if given:
        parts.append(table(["hook", "", "what it does"], given))
    return "\n".join([*parts, table(["clause", "that is"], kept)])


def _said(method: object) -> str:
    return first_sentence(inspect.getdoc(method) or "")


def _sentence(name: str) -> str:
    words = name.removeprefix("test_").replace("_", " ").replace(" s ", "'s ")
    return words[:1].upper() + words[1:]


def _place(contract: type, name: str) -> tuple[int, int]:
    owner = next(i for i, c in enumerate(contract.__mro__) if name in vars(c))
    return owner, inspect.getsourcelines(getattr(contract, name))[1]


GENERATORS = {"contract": each}
