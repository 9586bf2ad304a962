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
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parent.parent / "src" / "crmsync"


class Mutant(NamedTuple):
    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant("resume in the middle of a re-listing", "engine/stream.py",
           "                    self._commit(page, self._checkpoint.next())\n                    continue",
           "                    self._commit(page, self._checkpoint.next(cursor=page.cursor, relisting=False))\n"
           "                    continue"),
    Mutant("no sweep after a re-listing", "engine/stream.py",
           "                    self._sweep(unlisted)", "                    pass"),
    Mutant("the cursor is not saved after a re-listing", "engine/stream.py",
           "self._commit(page, self._checkpoint.next(cursor=page.cursor, relisting=False))",
           "self._commit(page, self._checkpoint.next())"),
    Mutant("listed items are not crossed off", "engine/stream.py",
           "unlisted.difference_update(page.present, _ids_of(page))", "pass"),
    Mutant("excluded items stay stored", "engine/batch.py",
           "d.outcome is Outcome.EXCLUDED)", "False)"),
    Mutant("tombstones delete at once", "engine/batch.py",
           "deletes=tuple(id_ for id_, d in decisions.items() if d.outcome is Outcome.EXCLUDED)",
           "deletes=tuple(id_ for id_, d in decisions.items() if d.outcome in (Outcome.EXCLUDED, Outcome.LEAVING))"),
    Mutant("what left is never removed", "engine/stream.py",
           "self._forget(due)", "pass"),
    Mutant("removals do not wait for a failing stream", "engine/stream.py",
           "if all_read or e.attempts >= self._policy.deletion_grace", "if True"),
    Mutant("settings are not applied to history", "engine/stream.py",
           "        self._redecide(source)\n", ""),
    Mutant("items under mixed settings are not marked", "engine/stream.py",
           '{"settings": MIXED, "target": self._settings, "redecided": None}',
           '{"target": self._settings, "redecided": None}'),
    Mutant("progress under older settings counts for newer ones", "engine/stream.py",
           '"target": self._settings, "redecided": None}', '"target": self._settings}'),
    Mutant("nothing is tried again", "engine/stream.py",
           "        self._redrive(source, exhausted_too=redrive)\n", ""),
    Mutant("unchosen streams stay", "engine/channel.py",
           "run.clear(Reason.UNSELECTED if unchosen else Reason.DELETED, all_read=all_read)", "pass"),
    Mutant("a cleared stream keeps its cursor", "engine/stream.py",
           "self._checkpoint = self._checkpoint.next(cursor=None, relisting=True)\n        known", "known"),
    Mutant("streams are not put on record", "engine/channel.py",
           "            self._remember({**known, **listed})", "            pass"),
    Mutant("the cursor is read again before it is compared", "engine/stream.py",
           "        self._storage.apply(batch)",
           '        batch = batch.model_copy(update={"expected": self._storage.load_cursor(self.key)})\n'
           "        self._storage.apply(batch)"),
    Mutant("cursor saved, items not", "engine/stream.py",
           "        self._storage.apply(batch)",
           '        self._storage.apply(batch.model_copy(update={"upserts": ()}))'),
    Mutant("an expired cursor is taken for the end", "engine/stream.py",
           "            self._checkpoint = self._checkpoint.next(cursor=None, relisting=True)\n"
           "            self._walk(source)",
           "            return"),
    Mutant("a poll that finds nothing writes", "engine/stream.py",
           "return  # a poll that finds nothing writes nothing", "pass"),
    Mutant("contacts are forgotten", "engine/batch.py",
           "        contacts=tuple(contacts.values()),\n", ""),
    Mutant("internal mail comes in", "rules/decide.py",
           "    Rule(Reason.INTERNAL, _internal),\n    Rule(Reason.GROUP", "    Rule(Reason.GROUP"),
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
        code = (
            "import test_machine, unittest, sys; sys.exit(not unittest.TextTestRunner().run(unittest.defaultTestLoader"
        )
        code += ".loadTestsFromTestCase(test_machine.TestMemoryStorageKeepsThePromises)).wasSuccessful())"
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "CRMSYNC_MUTANT": "1", "PYTHONPATH": f"{directory}{os.pathsep}{Path(__file__).parent}"},
            cwd=directory,
            capture_output=True,
            check=False,
        )
        return run.returncode == 0


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if all(w in m.name for w in words)]
    alive = 0
    for number, mutant in enumerate(chosen, 1):
        lives = survives(mutant)
        alive += lives
        print(f"{number:3}/{len(chosen)}  {'SURVIVED' if lives else 'killed  '}  {mutant.name}", flush=True)
    print(f"{len(chosen) - alive} killed, {alive} survived")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
