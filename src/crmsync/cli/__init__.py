"""The command line: `crmsync demo`, `connect`, `sync`, `preview`, `timeline`, `people`, `companies`, `why` and more.

main.py        the group of commands, loaded one by one, and what every command owes its user
failures.py    an exception in, a sentence and an exit code out
workspace.py   crmsync.toml, or the same in options
sources.py     a path in, a provider out
connecting.py  what the `connect` commands by password share; consenting.py those by consent
database.py    the store behind --db, its people, its viewers
running.py     a sync of all channels, with progress; run.py the loop
console.py     what may reach a terminal
"""

from .main import main

__all__ = ["main"]
