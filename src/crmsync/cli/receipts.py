"""A receipt of leaving, as it is printed."""

from __future__ import annotations

from ..model import Receipt, Thing
from .console import output
from .streams import counted, print_json, safe

_ONE = {
    Thing.RECORDS: ("mail or meeting", "mails and meetings"),
    Thing.COPIES: ("copy in a folder or calendar", "copies in folders and calendars"),
    Thing.DECISIONS: ("decision", "decisions"),
    Thing.STREAMS: ("folder or calendar", "folders and calendars"),
    Thing.CHANNELS: ("channel", "channels"),
    Thing.PEOPLE: ("person", "people"),
    Thing.COMPANIES: ("company", "companies"),
    Thing.MENTIONS: ("copy that named them", "copies that named them"),
    Thing.SHARES: ("word on who sees what", "words on who sees what"),
    Thing.LOGINS: ("login", "logins"),
}


def show(receipt: Receipt, *, as_json: bool = False) -> None:
    """Print what went, what stayed and why, and what is left to do."""
    if as_json:
        print_json(receipt.model_dump(mode="json"))
        return
    console = output()
    console.print("Gone:", style="bold")
    for thing, count in receipt.went.items():
        console.print(f"  {counted(count, *_ONE[thing])}")
    if not receipt.went:
        console.print("  nothing")
    if receipt.stayed:
        console.print("Stays:", style="bold")
    for one in receipt.stayed:
        console.print(f"  {counted(one.count, *_ONE[one.thing])}: {one.why.sentence}", soft_wrap=True)
    for note in receipt.notes:
        console.print(safe(note), soft_wrap=True)
