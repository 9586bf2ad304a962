"""What pages say, as frozen values: a host writes only HTML around them. Their JSON is `model_dump(mode="json")`.

status.py      how a channel stands, with the button that fits; its runs; who must act
folders.py     folders and calendars as a tree, with what is read of them
effects.py     what a change of settings would bring and take
sharing.py     the same record at each level; who sees a record, and why
records.py     a mail or a meeting as a line, as far as its viewer may see it
people.py      whom a record makes a contact, and why not
blocking.py    what an entry of a blocklist means
covering.py    what was left out, and why; coverage
words.py       the words for levels and reasons; times.py moments in the viewer's zone

Pure functions: the moment and the zone come in as values. The words are English.
"""

from .blocking import EntryMeaning, entry_meaning
from .covering import CoverageCard, ReasonLine, coverage_card, reason_lines, reasons_of
from .effects import ChangeEffect, change_effect, what_if
from .folders import CollectionRow, collection_rows, selection_of, stored_by_collection, streams_of
from .people import ContactLine, contact_lines, new_contacts
from .records import PersonLine, RecordLine, record_line
from .sharing import EXAMPLE_MAIL, EXAMPLE_MEETING, LevelShown, SeenBy, level_choices, seen_by, why_seen
from .status import Action, Attention, RunLine, StatusCard, attention, run_line, status_card
from .times import ago, moment, span, zone_of
from .words import shown_at

__all__ = [
    "EXAMPLE_MAIL", "EXAMPLE_MEETING", "Action", "Attention", "ChangeEffect", "CollectionRow", "ContactLine",
    "CoverageCard", "EntryMeaning", "LevelShown", "PersonLine", "ReasonLine", "RecordLine", "RunLine", "SeenBy",
    "StatusCard", "ago", "attention", "change_effect", "collection_rows", "contact_lines", "coverage_card",
    "entry_meaning", "level_choices", "moment", "new_contacts", "reason_lines", "reasons_of", "record_line",
    "run_line", "seen_by", "selection_of", "shown_at", "span", "status_card", "stored_by_collection", "streams_of",
    "what_if", "why_seen", "zone_of",
]  # fmt: skip
