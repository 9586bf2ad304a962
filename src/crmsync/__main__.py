"""`crmsync` and `python -m crmsync`: the command line, or how to get it."""

from __future__ import annotations

import sys

_EXTRA = frozenset({"click", "rich", "sqlalchemy"})


def run() -> None:
    """Run the command line; where its extra is not installed, say so."""
    try:
        from .cli import main  # noqa: PLC0415 - this is what may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.exit(f"The command line needs {error.name}, which is not installed: pip install 'crmsync[cli]'")
    main(prog_name="crmsync")


if __name__ == "__main__":
    run()
