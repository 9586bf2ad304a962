"""Whom a record makes a contact, and why not the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...model import Channel, Contact, Event, Message, Policy, Value
from ...model.value import Address, Line
from ...rules import ContactReason, explain_contacts
from .records import name_of
from .words import CONTACT_REASONS


class ContactLine(Value):
    """One person, and whether they become a contact."""

    address: Address
    name: Line
    company: Line = ""
    becomes: bool
    why: str
    """ "becomes a contact", "you, or a colleague" """


def contact_lines(
    record: Message | Event, channel: Channel, policy: Policy, *, known: Callable[[str], bool] = lambda _: False
) -> tuple[ContactLine, ...]:
    """Say of each person in a record whether these settings make them a contact.

    Args:
        record: whole, as its owner sees it.
        channel: its channel's settings, or those that are being chosen.
        policy: the workspace's.
        known: tells whether an address is a contact already.

    """
    names = {p.address: name_of(p) for p in reversed(record.participants)}
    lines = []
    for address, reason, contact in explain_contacts(record, channel, policy):
        there = known(address)
        made = reason is ContactReason.ENSURED
        why = "is a contact already" if there else CONTACT_REASONS[reason]
        company = contact.company.name if contact and contact.company else ""
        lines.append(
            ContactLine(
                address=address, name=names.get(address, address), company=company, becomes=made and not there, why=why
            )
        )
    return tuple(lines)


def new_contacts(contacts: Iterable[Contact], known: Callable[[str], bool]) -> tuple[ContactLine, ...]:
    """Say who would become a contact, by address, of those that a run would ensure: `Preview.contacts.values()`."""
    return tuple(
        ContactLine(
            address=one.address, name=str(one.name) or one.address, company=one.company.name if one.company else "",
            becomes=True, why=CONTACT_REASONS[ContactReason.ENSURED],
        )
        for one in sorted(contacts, key=lambda one: one.address) if not known(one.address)
    )  # fmt: skip
