"""What a change of settings would do to what is there: "this would add 1,204 and remove 310"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...engine import sync
from ...model import Channel, Policy, Report, Value
from ...model.value import Instant, Line, Many
from ...protocols import Provider, Storage
from ...stores.preview import Moved, Preview
from .people import ContactLine, new_contacts
from .words import counted

FEW = 5


class MovedLine(Value):
    """An item that would come in, or go."""

    title: Line
    """Its subject or title; empty where it has none, or the storage gives nothing back."""
    at: Instant | None = None


class ChangeEffect(Value):
    """What would come, go, and become a contact."""

    adds: int
    removes: int
    comes: Many[MovedLine] = ()
    """The newest of what would come."""
    goes: Many[MovedLine] = ()
    contacts: Many[ContactLine] = ()
    """Who would become a contact."""
    whole: bool = True
    """False where the look ended early: then there is at least this much."""
    sentence: str


def what_if(
    provider: Provider,
    storage: Storage,
    channel: Channel,
    policy: Policy,
    *,
    known: Callable[[str], bool] = lambda _: False,
    stop: Callable[[], bool] | None = None,
) -> ChangeEffect:
    """Look what changed settings would do, and write nothing. It costs what the change costs.

    Args:
        provider: the account's mail or calendars.
        storage: where its items are.
        channel: with the settings that are being chosen.
        policy: the workspace's.
        known: tells whether an address is a contact already.
        stop: asked after each page whether that is enough: of a first import there may be much to see.

    Raises:
        CrmSyncError: see `sync`.

    """
    preview = Preview(storage)
    report = sync(provider, preview, channel, policy, stop=stop, allow_mass_deletion=True)
    return change_effect(preview, report, known)


def change_effect(preview: Preview, report: Report, known: Callable[[str], bool] = lambda _: False) -> ChangeEffect:
    """Say what a previewed run would do.

    Args:
        preview: what the run wrote to.
        report: the run's.
        known: tells whether an address is a contact already.

    """
    adds, removes = len(preview.comes), len(preview.goes)
    contacts = new_contacts(preview.contacts.values(), known)
    whole = not (report.stopped or report.failures)
    parts = [f"add {adds:,}"] * bool(adds) + [f"remove {removes:,}"] * bool(removes)
    least = "" if whole else "at least "
    said = f"This would {least}{' and '.join(parts)}" if parts else "This would change nothing that is here"
    if contacts:
        said += f", and make {counted(len(contacts), 'new contact')}"
    return ChangeEffect(
        adds=adds, removes=removes, comes=_few(preview.comes.values()), goes=_few(preview.goes.values()),
        contacts=contacts, whole=whole, sentence=f"{said}." if whole or parts else f"{said}, as far as was looked.",
    )  # fmt: skip


def _few(moved: Iterable[Moved]) -> tuple[MovedLine, ...]:
    newest = sorted(moved, key=lambda one: (one.at is not None, one.at), reverse=True)
    return tuple(MovedLine(title=one.title, at=one.at) for one in newest[:FEW])
