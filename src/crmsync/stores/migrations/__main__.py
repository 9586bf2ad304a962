"""`python -m crmsync.stores.migrations URL [--to VERSION] [--schema NAME] [--prefix TEXT]`."""

from __future__ import annotations

import argparse
import sys

from ...errors import StorageError
from ..sql.tables import PREFIX, VERSION
from . import migrate


def main() -> int:
    """Migrate what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m crmsync.stores.migrations", description="Migrate crmsync's tables."
    )
    parser.add_argument("url", help="such as sqlite:///crm.db or postgresql://user:password@host/database")
    parser.add_argument("--to", type=int, default=VERSION, metavar="VERSION", help=f"default: {VERSION}, the newest")
    parser.add_argument("--schema", help="the PostgreSQL schema that the tables are in")
    parser.add_argument("--prefix", default=PREFIX, help="what the tables' names begin with (default: %(default)s)")
    asked = parser.parse_args()
    try:
        migrate(asked.url, asked.to, schema=asked.schema, prefix=asked.prefix)
    except StorageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"the tables are of version {asked.to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
