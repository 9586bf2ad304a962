"""Break the engine on purpose, one line at a time, and see the state machine notice.

python tests/mutants.py            run all; exit 1 if one survives
python tests/mutants.py sweep      run those whose name contains a word
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

from mutants_of_formats import MUTANTS_OF_FORMATS

SOURCE = Path(__file__).parent.parent / "src" / "crmsync"


ENGINE = "test_machine.TestMemoryStorageKeepsThePromises"
FORGETFUL = "test_machine.TestAForgetfulStorageKeepsThePromises"
GMAIL = "test_gmail_machine.TestGmailKeepsThePromises"
CALENDAR = "test_google_calendar_machine.TestGoogleCalendarKeepsThePromises"
OUTLOOK = "test_outlook_machine.TestOutlookKeepsThePromises"
OUTLOOK_CALENDAR = "test_outlook_calendar_machine.TestOutlookCalendarsKeepThePromises"
CALDAV = "test_caldav_machine.TestALyingServer"
IMAP = "test_imap_machine.TestImapKeepsThePromises"
WORKERS = "test_runtime_machine.TestWorkersKeepThePromises"
SCHEDULE = "runtime/test_schedule.py"
WORKER = "runtime/test_worker.py"
TENANTS = "runtime/test_workspaces.py"
PLACES = (
    ".",
    "providers/imap",
    "providers/gmail",
    "providers/google_calendar",
    "providers/caldav",
    "providers/microsoft",
    "runtime",
)


class Mutant(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    machine: str = ENGINE
    """Which state machine must notice; or which file of tests, on SQLite, where chance adds nothing."""


MUTANTS = (
    Mutant("resume in the middle of a re-listing", "engine/walk.py",
           "(Stand.RELISTING, Happening.PAGE): (Stand.RELISTING, Duty.STAY)",
           "(Stand.RELISTING, Happening.PAGE): (Stand.FOLLOWING, Duty.MOVE)"),
    Mutant("no sweep after a re-listing", "engine/stream.py",
           "                    self._sweep(known - listed, proved=page.counted == len(listed), doubt=short)",
           "                    pass"),
    Mutant("the cursor is not saved after a re-listing", "engine/walk.py",
           "(Stand.RELISTING, Happening.END): (Stand.FOLLOWING, Duty.SWEEP)",
           "(Stand.RELISTING, Happening.END): (Stand.RELISTING, Duty.STAY)"),
    Mutant("listed items are not crossed off", "engine/stream.py",
           "listed.update(page.present, _living(page))", "pass"),
    Mutant("excluded items stay stored", "engine/batch.py",
           "d.outcome is Outcome.EXCLUDED)", "False)"),
    Mutant("tombstones delete at once", "engine/batch.py",
           "deletes=tuple(id_ for id_, d in decisions.items() if d.outcome is Outcome.EXCLUDED)",
           "deletes=tuple(id_ for id_, d in decisions.items() if d.outcome in (Outcome.EXCLUDED, Outcome.LEAVING))"),
    Mutant("what left is never removed", "engine/removal.py",
           "self._writer.forget(due)", "pass"),
    Mutant("removals do not wait for a failing stream", "engine/removal.py",
           "for e in waiting if all_read or e.attempts >= grace}", "for e in waiting}"),
    Mutant("settings are not applied to history", "engine/stream.py",
           "        self._redecide()\n", ""),
    Mutant("decisions under newer settings are not put on record", "engine/writer.py",
           "return read.also_under(self.terms)", "return read"),
    Mutant("progress under older settings counts for newer ones", "engine/writer.py",
           '{"target": self.terms.key, "redecided": None}', '{"target": self.terms.key}'),
    Mutant("a reason that was lifted is not looked at", "engine/stream.py",
           "if read_again and outcome in (Outcome.STORED, Outcome.EXCLUDED):", "if False:"),
    Mutant("what is stored is not decided again", "engine/stream.py",
           "elif outcome is Outcome.STORED and effect.stored:", "elif False:"),
    Mutant("what the storage does not give back is not fetched", "engine/stream.py",
           "if id_ not in recalled | kept]", "if todo[id_] is None]", FORGETFUL),
    Mutant("one of several settings is enough", "engine/checkpoint.py",
           "return all(known.among(self.kinds) == wanted for known in self.under)",
           "return any(known.among(self.kinds) == wanted for known in self.under)"),
    Mutant("an entry that was taken back lifts nothing", "rules/changes.py",
           "        lifted.add(Reason.BLOCKED)\n", "        pass\n"),
    Mutant("nothing is tried again", "engine/stream.py",
           "        self._redrive(exhausted_too=redrive)\n", ""),
    Mutant("unchosen streams stay", "engine/channel.py",
           "run.removal.clear(Reason.UNSELECTED if unchosen else Reason.DELETED, all_read=all_read)", "pass"),
    Mutant("a cleared stream keeps its cursor", "engine/removal.py",
           "self._writer.checkpoint = self._writer.checkpoint.next(cursor=None, relisting=True)\n", "pass\n"),
    Mutant("streams are not put on record", "engine/channel.py",
           "streams={**before.streams, **listed},", "streams={**before.streams},"),
    Mutant("the cursor is read again before it is compared", "engine/writer.py",
           "        self.storage.apply(batch)",
           '        batch = batch.model_copy(update={"expected": self.storage.load_cursor(self.key)})\n'
           "        self.storage.apply(batch)"),
    Mutant("cursor saved, items not", "engine/writer.py",
           "        self.storage.apply(batch)",
           '        self.storage.apply(batch.model_copy(update={"upserts": ()}))'),
    Mutant("an expired cursor is taken for the end", "engine/stream.py",
           "ahead=())\n            self._walk()", "ahead=())\n            return"),
    Mutant("a poll that finds nothing writes", "engine/writer.py",
           "return  # a poll that finds nothing writes nothing", "pass"),
    Mutant("contacts are forgotten", "engine/batch.py",
           "        contacts=tuple(contacts.values()),\n", ""),
    Mutant("one answer of 'not found' is proof", "engine/stream.py",
           "if times + 1 < self._looks}", "if times + 1 < 1}"),
    Mutant("what a listing lacks is gone, whatever else is said", "engine/stream.py",
           "        if not proved:\n", "        if False:\n"),
    Mutant("what was asked for, and is gone, stays", "engine/stream.py",
           'tombstones="doubt" if doubt else "proof")', 'tombstones="known")'),
    Mutant("a repeated listing that came short is an end", "engine/stream.py",
           "len(listed) < (page.counted or 0)", "False"),
    Mutant("a first listing that came short is an end", "engine/stream.py",
           "return known + len(here) < page.counted", "return False"),
    Mutant("a stream that was not listed once is gone", "engine/channel.py",
           "self._checkpoint.absent[name] >= looks(self._policy)", "self._checkpoint.absent[name] >= 1"),
    Mutant("a stream that is not listed counts as read", "engine/channel.py",
           "all_read = not self.errors and all(self._is_settled(name, answer) for name in self._checkpoint.absent)",
           "all_read = not self.errors"),
    Mutant("what an inventory has and nobody decided is let be", "engine/stream.py",
           "        self._fetch_all(sorted(there - living - leaving - self._writer.kept))\n", ""),
    Mutant("what an inventory lacks is let be", "engine/stream.py",
           'self._fetch_all(sorted(living - there), tombstones="proof")', "pass"),
    Mutant("coverage overlooks what is missing", "engine/coverage.py",
           '"missing": len(there - decided), "unlisted": unlisted', '"missing": 0, "unlisted": 0'),
    Mutant("internal mail comes in", "rules/decide.py",
           "    Rule(Reason.INTERNAL, _internal),\n    Rule(Reason.GROUP", "    Rule(Reason.GROUP"),
    Mutant("Gmail: the position is taken after the listing", "providers/google/mail/source.py",
           'now = history_id(profile.get("historyId")) or 0', 'now = (history_id(profile.get("historyId")) or 0) + 40',
           GMAIL),
    Mutant("Gmail: what is stored ahead of the cursor is not looked for", "engine/stream.py",
           "self._fetch_all(sorted(ahead))", "pass", GMAIL),
    Mutant("Gmail: a deletion is none", "providers/google/mail/history.py",
           "                    gone[id_] = None\n", "", GMAIL),
    Mutant("Gmail: a label that goes changes nothing", "providers/google/mail/history.py",
           '("messagesAdded", "labelsAdded", "labelsRemoved", "messagesDeleted")',
           '("messagesAdded", "labelsAdded", "messagesDeleted")', GMAIL),
    Mutant("Gmail: a page of history stands for its end", "providers/google/mail/source.py",
           "found.newest if more else now", "now", GMAIL),
    Mutant("Gmail: a resumed listing leaves a thread out", "providers/google/mail/listing.py",
           "return listed[last + 1 :]", "return listed[last + 2 :]", GMAIL),
    Mutant("Gmail: a reply to what is not listed yet hides its thread", "providers/google/mail/source.py",
           "left_out = decided.chats | arrived | set(here.early)", "left_out = decided.chats | set(here.early)", GMAIL),
    Mutant("Gmail: what labels alone exclude is fetched late", "providers/google/mail/source.py",
           "                page.screened.append(Screened(id=id_, decision=decision))", "                pass", GMAIL),
    Mutant("Gmail: what fails is gone", "providers/google/mail/hydrate.py",
           "if reply.meaning is Meaning.GONE:", "if reply.meaning is not Meaning.LARGE:", GMAIL),
    Mutant("Gmail: one 404 on new mail buries it", "providers/google/mail/source.py",
           'page.add(id_, result or Skipped(id=id_, why="Gmail tells of it, but does not have it now"))',
           "page.add(id_, result)", GMAIL),
    Mutant("Gmail: a listing that ends is whole", "providers/google/mail/source.py",
           "counted=None if more else counted", "counted=None", GMAIL),
    Mutant("Gmail: a label's listing that ends is whole", "providers/google/mail/client.py",
           "return list(seen), False", "return list(seen), True", GMAIL),
    Mutant("Gmail: labels that are not listed are none", "providers/google/mail/client.py",
           'if any(label.get("id") == "INBOX" for label in _dicts(answer.get("labels"))):', "if True:", GMAIL),
    Mutant("Gmail: a header that did not arrive is empty", "providers/google/mail/hydrate.py",
           'if not is_addressed(data.get("payload")):', "if False:", GMAIL),
    Mutant("Gmail: a refusal without a code is final", "providers/web/failures.py",
           "_STATUSES.get(status, Meaning.BUSY)", "_STATUSES.get(status, Meaning.GONE)", GMAIL),
    Mutant("Outlook: what left is gone, and not asked for", "providers/microsoft/mail/source.py",
           "places = dict(self._hydrator.places(asked)) if asked else {}",
           "places = dict.fromkeys(asked)", OUTLOOK),
    Mutant("Outlook: a removal is none", "providers/microsoft/mail/source.py",
           "                    left[id_] = None\n                    continue",
           "                    continue", OUTLOOK),
    Mutant("Outlook: what came back is not brought", "providers/microsoft/mail/source.py",
           "if place == self._id:\n                wanted.append(id_)",
           "if place == self._id:\n                pass", OUTLOOK),
    Mutant("Outlook: what lies in a folder that was read already goes from here", "providers/microsoft/mail/source.py",
           "return told is not None and id_ not in told", "return True", OUTLOOK),
    Mutant("Outlook: what lies in a folder that was read already never goes from here",
           "providers/microsoft/mail/source.py",
           "return told is not None and id_ not in told", "return False", OUTLOOK),
    Mutant("Outlook: what is expected in a folder is in it", "providers/microsoft/mail/source.py",
           "asked = [id_ for id_ in dict.fromkeys((*away, *expected)) if id_ not in shown]",
           "wanted += expected\n        asked = [id_ for id_ in away if id_ not in shown]", OUTLOOK),
    Mutant("Outlook: what lies elsewhere is stored here", "providers/microsoft/mail/source.py",
           'if outcome is not None and found.folder not in ("", self._id):', "if False:", OUTLOOK),
    Mutant("Outlook: an answer about the folders that says nothing is believed", "providers/microsoft/mail/mailbox.py",
           "elif reply is None or not (id_of(reply.data) or links_of(reply.data) != (None, None)):",
           "elif reply is None:", OUTLOOK),
    Mutant("Outlook: a page of changes stands for its end", "providers/microsoft/mail/source.py",
           "after = here.dump() if links.following else before",
           "after = here.dump()", OUTLOOK),
    Mutant("Outlook: what left is forgotten between two pages", "providers/microsoft/mail/source.py",
           '{"delta": links.following, "left": tuple(left), "held": held}',
           '{"delta": links.following, "held": held}', OUTLOOK),
    Mutant("Outlook: what stays for want of an answer is forgotten", "providers/microsoft/mail/source.py",
           'update={"held": tuple(stays.items())}',
           'update={"held": ()}', OUTLOOK),
    Mutant("Outlook: no answer is a tombstone", "providers/microsoft/mail/hydrate.py",
           "if isinstance(reply, Failure) and reply.meaning is Meaning.GONE:",
           "if isinstance(reply, Failure):", OUTLOOK),
    Mutant("Outlook: no answer of where it lies is a tombstone", "providers/microsoft/mail/hydrate.py",
           "if reply.meaning is Meaning.GONE:\n                    yield wanted[number], None",
           "yield wanted[number], None", OUTLOOK),
    Mutant("Outlook: one answer that it is not found is proof", "providers/microsoft/mail/hydrate.py",
           "            answers |= dict(self._places(gone))\n",
           "            answers |= dict.fromkeys(gone)\n", OUTLOOK),
    Mutant("Outlook calendar: a removal is none", "providers/microsoft/calendar/source.py",
           "told.removed[id_] = None",
           "pass", OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: a series with nothing in the window is an item", "providers/microsoft/calendar/source.py",
           "if id_ in tombstones and isinstance(series, Item) and not series.records:", "if False:", OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: attachments that do not come are none", "providers/microsoft/calendar/attached.py",
           "if isinstance(failure, Failure) and failure.meaning is not Meaning.DENIED:", "if False:", OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: changed occurrences are not asked for", "providers/microsoft/calendar/source.py",
           'select=_MASTER, expand="exceptionOccurrences")',
           "select=_MASTER)", OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: deleted occurrences are not asked for", "providers/microsoft/calendar/source.py",
           '_MASTER = ",".join((*FIELDS, "cancelledOccurrences"))',
           '_MASTER = ",".join(FIELDS)', OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: what changed while the days went on is missed", "providers/microsoft/calendar/source.py",
           "        here = yield from self._changed(here, more=True)\n        yield _page([], []",
           "        yield _page([], []", OUTLOOK_CALENDAR),
    Mutant("Outlook calendar: the new days are not looked at", "providers/microsoft/calendar/source.py",
           "[one for one in told.singles if _begins_after(one, after)]",
           "[]", OUTLOOK_CALENDAR),
    Mutant("Calendar: a deletion is none", "providers/google/calendar/source.py",
           "            found.deletes.append(id_)", "            pass", CALENDAR),
    Mutant("Calendar: a cancelled instance is none", "providers/google/calendar/series.py",
           "            gone.add(key)\n", "", CALENDAR),
    Mutant("Calendar: a cancelled series is one", "providers/google/calendar/series.py",
           "elif not is_tombstone(resource):", "else:", CALENDAR),
    Mutant("Calendar: a listing forgets its series", "providers/google/calendar/source.py",
           'series = None if parts is not None and not len(parts) else ""', "series = None", CALENDAR),
    Mutant("Calendar: the window does not roll on", "providers/google/calendar/source.py",
           "            yield from self._rolled(here, needed)", "            pass", CALENDAR),
    Mutant("Calendar: a resumed listing has no series", "providers/google/calendar/source.py",
           "parts = self._parts() if parts is None else parts", "parts = parts or Parts()", CALENDAR),
    Mutant("Calendar: a change of one instance is of that one alone", "providers/google/calendar/source.py",
           "            found.series[series] = None\n", "            pass\n", CALENDAR),
    Mutant("CalDAV: a calendar that moved is taken for still", "providers/caldav/source.py",
           "    return at.ctag is not None and here.ctag == at.ctag", "    return at.ctag is not None", CALDAV),
    Mutant("CalDAV: a listing removes nothing", "providers/caldav/source.py",
           "missing = [id_ for id_ in known if id_ not in listed] if complete else []", "missing: list[str] = []",
           CALDAV),
    Mutant("CalDAV: the window does not roll on", "providers/caldav/source.py",
           "        rolls = needed.end > here.end\n", "        rolls = False\n", CALDAV),
    Mutant("CalDAV: a page in the middle stands for the end", "providers/caldav/source.py",
           'middle = here.model_copy(update={"known": pack(known)})',
           'stands = {"known": pack(known), "token": found.position.token, "checked": self._day()}\n'
           "            middle = here.model_copy(update=stands)", CALDAV),
    Mutant("CalDAV: a report of nothing is believed", "providers/caldav/source.py",
           "Position(reply.multistatus.sync_token, at.ctag)) if changed else None",
           "Position(reply.multistatus.sync_token, at.ctag))", CALDAV),
    Mutant("CalDAV: a report that was cut is the end", "providers/caldav/source.py",
           "                    cut = True", "                    cut = False", CALDAV),
    Mutant("CalDAV: etags are compared once and never again", "providers/caldav/source.py",
           "or (self._day() - here.checked).days >= COMPARE or rolls", "or rolls", CALDAV),
    Mutant("CalDAV: content without etags is never compared", "providers/caldav/source.py",
           "            version = content_version(one.data)\n", "            version = \"=\"\n", CALDAV),
    Mutant("CalDAV: a removal in a report is none", "providers/caldav/source.py",
           "gone = [one.id for one in changed.values() if one.data is None and not one.why]", "gone: list[str] = []",
           CALDAV),
    Mutant("CalDAV: a series that goes on is forgotten", "providers/caldav/source.py",
           "Known(version, what.open, what.series, what.floats)", "Known(version, False, what.series, what.floats)",
           CALDAV),
    Mutant("CalDAV: a removed object is still known", "providers/caldav/source.py",
           "        for id_ in found.gone:\n            known.pop(id_, None)\n", "", CALDAV),
    Mutant("CalDAV: a token older than the report is kept", "providers/caldav/source.py",
           "Position(reply.multistatus.sync_token, at.ctag)) if changed", "at) if changed", CALDAV),
    Mutant("IMAP: what is gone stays", "providers/imap/source.py",
           "        gone = known - opened.live\n", "        gone = UidSet()\n", IMAP),
    Mutant("IMAP: new UIDs are taken for the old ones", "providers/imap/source.py",
           "if opened.uidvalidity != here.uidvalidity:", "if False:", IMAP),
    Mutant("IMAP: a page is passed before it was read", "providers/imap/source.py",
           "known = known | covering(page, opened.live, opened) if left else opened.live", "known = opened.live", IMAP),
    Mutant("IMAP: what the rules exclude is downloaded", "providers/imap/fetching.py",
           "return self._screen(envelope.message) if self._screen else None", "return None", IMAP),
    Mutant("IMAP: mail marked as deleted is mail", "providers/imap/mailbox.py",
           "live=everything - deleted,", "live=everything,", IMAP),
    Mutant("IMAP: a draft among other mail is mail", "providers/imap/messages.py",
           "    if has_flag(items, b", "    if False and has_flag(items, b", IMAP),
    Mutant("IMAP: STATUS is not asked how many there are", "providers/imap/cursor.py",
           "(self.uidvalidity, self.uidnext, self.exists) == (status.uidvalidity, status.uidnext, status.messages)",
           "(self.uidvalidity, self.uidnext) == (status.uidvalidity, status.uidnext)", IMAP),
    Mutant("IMAP: an unchosen folder is read", "providers/imap/folders.py",
           "return not folder.foreign and (selection.mode == \"all\" or not found)", "return True", IMAP),
    Mutant("Lease: it protects nobody", "runtime/sql/claims.py",
           "free = or_(channels.c.worker.is_(None), channels.c.until <= now, channels.c.until > now + 10 * lease)",
           "free = channels.c.fence >= 0", WORKERS),
    Mutant("Lease: a dead worker's never ends", "runtime/sql/claims.py",
           "free = or_(channels.c.worker.is_(None), channels.c.until <= now, channels.c.until > now + 10 * lease)",
           "free = channels.c.worker.is_(None)", WORKERS),
    Mutant("Lease: renewing does not make it longer", "runtime/sql/claims.py",
           'values = {"until": self._clock() + lease, "done": done, "total": total}',
           'values = {"done": done, "total": total}', WORKERS),
    Mutant("Lease: a run that goes on does not renew it", "runtime/worker.py",
           "if not self._lost and since > (min(_TOLD, third) if self._far.done > self._told else third):",
           "if False:", WORKER),
    Mutant("Lease: one that a clock left far ahead strands its channel", "runtime/sql/claims.py",
           "free = or_(channels.c.worker.is_(None), channels.c.until <= now, channels.c.until > now + 10 * lease)",
           "free = or_(channels.c.worker.is_(None), channels.c.until <= now)", WORKER),
    Mutant("Fencing: the number does not grow", "runtime/sql/claims.py",
           "                fence = row.fence + 1\n", "                fence = row.fence\n", WORKERS),
    Mutant("Fencing: a batch's number is not looked at", "runtime/sql/channels.py",
           "        if batch.fence is None:\n", "        if True:\n", WORKERS),
    Mutant("Fencing: a batch carries no number", "runtime/worker.py",
           'batch.model_copy(update={"fence": self._fence})', "batch", WORKERS),
    Mutant("Fencing: whoever lost the lease gives back all the same", "runtime/sql/claims.py",
           "return (*mine, channels.fence == claim.fence)", "return mine", WORKERS),
    Mutant("Fencing: changed settings leave the run its lease", "runtime/sql/channels.py",
           'taken = {"fence": row.fence + 1, "worker": None, "until": 0.0}', "taken: dict[str, Any] = {}", WORKERS),
    Mutant("Events: one is forgotten before the host has it", "runtime/sql/history.py",
           "        for row in rows:\n            handle(",
           "        self._database.write(lambda connection: connection.execute(delete(events)).rowcount)\n"
           "        for row in rows:\n            handle(", WORKERS),
    Mutant("Events: one that was taken comes for ever", "runtime/sql/history.py",
           "gone = delete(events).where(events.c.id == row.id)", "gone = delete(events).where(events.c.id < 0)",
           WORKERS),
    Mutant("Events: nobody is told of a first import", "runtime/sql/claims.py",
           "if plan.imported and not claim.plan.imported:", "if False:", WORKERS),
    Mutant("Intake: a push in mid-run is lost", "runtime/sql/claims.py",
           "row.hint > claim.started", "False", WORKER),
    Mutant("Intake: each push writes", "runtime/sql/channels.py",
           "        if running or plan == before:\n            return True\n", "", WORKERS),
    Mutant("Intake: each push in mid-run writes", "runtime/sql/channels.py",
           'if running and row.hint <= (row.started or 0.0):', "if running:", WORKERS),
    Mutant("Intake: a push undoes a backoff", "runtime/schedule.py",
           "plan.due is None or plan.failures or", "plan.due is None or", SCHEDULE),
    Mutant("Intake: a push shortens a provider's pause", "runtime/schedule.py",
           "return replace(plan, due=max(now, plan.not_before))", "return replace(plan, due=now)", WORKERS),
    Mutant("Workspaces: their mail is in the same tables", "runtime/sql/workspace.py",
           'own = f"{tables.prefix}{id_}"', 'own = f"{tables.prefix}1"', WORKERS),
    Mutant("Workspaces: their accounts meet", "runtime/sql/accounts.py",
           "query = select(accounts).where(accounts.c.workspace_id == self._workspace).order_by(accounts.c.name)",
           "query = select(accounts).order_by(accounts.c.name)", WORKERS),
    Mutant("Workspaces: one's change of an account reaches the other", "runtime/sql/accounts.py",
           "mine = (accounts.c.workspace_id == self._workspace, accounts.c.name == name)\n            if made",
           "mine = (accounts.c.name == name,)\n            if made", WORKERS),
    Mutant("Workspaces: their channels meet", "runtime/sql/channels.py",
           "return channels.workspace_id == self._workspace, channels.key == key",
           "return channels.workspace_id > 0, channels.key == key", WORKERS),
    Mutant("Workspaces: a secret opens in another one", "runtime/sql/workspace.py",
           'self.keys = workspaces.keys.within(f"workspace {id_}")', "self.keys = workspaces.keys", TENANTS),
    Mutant("Workspaces: an erased one leaves its accounts", "runtime/sql/workspaces.py",
           "(tables.events, tables.runs, tables.channels, tables.accounts)",
           "(tables.events, tables.runs, tables.channels)", TENANTS),
    Mutant("Schedule: who fails is tried again at the same pace", "runtime/schedule.py",
           "rhythm.backoff * 2 ** min(failures - 1, 30)", "rhythm.backoff", SCHEDULE),
    Mutant("Schedule: who fails waits without end", "runtime/schedule.py",
           "float(min(rhythm.backoff * 2 ** min(failures - 1, 30), rhythm.cap))",
           "float(rhythm.backoff * 2 ** min(failures - 1, 30))", SCHEDULE),
    Mutant("Schedule: who fails for ever costs as much as ever", "runtime/schedule.py",
           "if failures > rhythm.hopeless:", "if False:", SCHEDULE),
    Mutant("Schedule: a refused login is tried again", "runtime/schedule.py",
           "due_again = soon if how is How.BRAKED else None", "due_again = soon", SCHEDULE),
    Mutant("Schedule: being throttled is a failure", "runtime/schedule.py",
           "return replace(plan, due=until, not_before=until, word=Word.DELAYED)",
           "return replace(plan, due=until, not_before=until, failures=plan.failures + 1, word=Word.DELAYED)",
           SCHEDULE),
    Mutant("Schedule: a provider's pause has a cap", "runtime/schedule.py",
           "until = now + pause * (1.0 + 0.05 * chance)", "until = now + min(pause, rhythm.cap)", SCHEDULE),
    Mutant("Schedule: five minutes begin when a run ends", "runtime/schedule.py",
           "soon = max(began + (rhythm.watched if watched else rhythm.every), now)", "soon = now + rhythm.every",
           SCHEDULE),
    Mutant("Schedule: a clock that was set back strands a channel", "runtime/schedule.py",
           "began = min(started, now)", "began = started", SCHEDULE),
    Mutant("Schedule: a new listing gets no longer slices", "runtime/schedule.py",
           "stretch=plan.stretch + 1 if relisted else 0", "stretch=0", SCHEDULE),
    Mutant("Schedule: mail goes before calendars", "runtime/schedule.py",
           "return plan.due - (rhythm.calendars_first if calendar else 0.0)", "return plan.due", SCHEDULE),
    Mutant("Schedule: first imports go before fresh mail", "runtime/sql/claims.py",
           'first = channels.c.imported.desc() if prefer == "fresh" else channels.c.imported',
           'first = channels.c.imported if prefer == "fresh" else channels.c.imported.desc()', WORKER),
    Mutant("Schedule: a slice has no end", "runtime/worker.py",
           "over = lease.moved and self._timer() - began > allowed", "over = False", WORKER),
    Mutant("Schedule: a slice may end before its first page", "runtime/worker.py",
           "over = lease.moved and self._timer() - began > allowed",
           "over = self._timer() - began >= allowed", WORKER),
    Mutant("Schedule: a channel that a clock planned far ahead is stranded", "runtime/sql/claims.py",
           "query = select(channels).where(or_(channels.c.due <= now, stranded), free)",
           "query = select(channels).where(channels.c.due <= now, free)", WORKER),
    Mutant("Schedule: a yes to a removal holds for ever", "runtime/sql/claims.py",
           '"allow_removal": False if how is How.DONE else row.allow_removal', '"allow_removal": row.allow_removal',
           WORKER),
    Mutant("Schedule: a lost database is held against the channel", "runtime/worker.py",
           'LOG.warning("channel %s of workspace %s waits for its database", claim.channel.key, claim.workspace)\n'
           "            raise\n",
           'report, error = Report(), Unavailable("the database")\n', WORKER),
    *starmap(Mutant, MUTANTS_OF_FORMATS),
)  # fmt: skip
"""What the machine must kill. A mutant that no longer applies fails `test_every_mutant_still_applies`."""


def survives(mutant: Mutant) -> bool:
    """Run the machine on a broken copy."""
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(SOURCE, Path(directory, "crmsync"))
        path = Path(directory, "crmsync", mutant.file)
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise SystemExit(f"mutant {mutant.name!r} applies {text.count(mutant.old)} times, not once")
        path.write_text(text.replace(mutant.old, mutant.new))
        places = [directory, *(str(Path(__file__).parent / place) for place in PLACES)]
        run = subprocess.run(
            [sys.executable, *_tests_of(mutant.machine)],
            env={**os.environ, "CRMSYNC_MUTANT": "1", "PYTHONPATH": os.pathsep.join(places)},
            cwd=directory,
            capture_output=True,
            check=False,
        )
        return run.returncode == 0


def _tests_of(machine: str) -> list[str]:
    if machine.endswith(".py"):
        root = Path(__file__).parent
        return ["-m", "pytest", "-qx", "-p", "no:cacheprovider", "-k", "not postgresql", "--rootdir", str(root.parent),
                "-c", str(root.parent / "pyproject.toml"), str(root / machine)]  # fmt: skip
    module = machine.partition(".")[0]
    code = f"import {module}, unittest, sys; sys.exit(not unittest.TextTestRunner().run(unittest.defaultTestLoader"
    return ["-c", f"{code}.loadTestsFromTestCase({machine})).wasSuccessful())"]


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if all(w in m.name for w in words)]
    for machine in {m.machine for m in chosen}:
        if not survives(Mutant("nothing", "errors.py", "class CrmSyncError", "class CrmSyncError", machine)):
            raise SystemExit(f"{machine} fails where nothing is broken")
    alive = 0
    for number, mutant in enumerate(chosen, 1):
        lives = survives(mutant)
        alive += lives
        print(f"{number:3}/{len(chosen)}  {'SURVIVED' if lives else 'killed  '}  {mutant.name}", flush=True)
    print(f"{len(chosen) - alive} killed, {alive} survived")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
