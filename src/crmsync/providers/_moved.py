"""Import paths of version 0.1, which documentation and programs used before the rooms were sorted.

`crmsync.providers.gmail` is the very module `crmsync.providers.google.mail`, not a copy of it.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ROOMS = {
    "access": "network.access", "calls": "web.calls", "consent": "web.consent", "discovery": "network.discovery",
    "gmail": "google.mail", "google_calendar": "google.calendar", "pacing": "web.pacing", "tokens": "web.tokens",
}  # fmt: skip


class _Moved(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, *_where: object) -> ModuleSpec | None:
        package, _dot, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == __package__ and name in ROOMS else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{__package__}.{ROOMS[spec.name.rpartition('.')[2]]}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module, which ran under its own name, its own specification back."""
        module.__spec__ = module.__spec__ and module.__spec__.loader_state


sys.meta_path.append(_Moved())
