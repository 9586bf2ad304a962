"""A host's modules as the tests' processes import them: an app, a worker, and mailboxes that need no network."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sql_world import KEY

from crmsync.protocols import Provider
from crmsync.runtime import Keys
from crmsync.runtime.schedule import Rhythm
from crmsync.runtime.sql import Claim, Workspaces
from crmsync.runtime.worker import Worker
from crmsync.testing import FakeMailbox, message

COUNT = 12


@contextmanager
def provider(claim: Claim) -> Iterator[Provider]:
    """Stand for an account: a page takes a moment, as pages do."""

    class Slow(FakeMailbox):
        def changes(self, *args, **kwargs):  # type: ignore[no-untyped-def]
            for page in super().changes(*args, **kwargs):
                yield page
                time.sleep(0.01)

    items = [message(f"{claim.account}.{n}", sender=f"p{n}@client.example", to=claim.account) for n in range(COUNT)]
    yield Slow(*items, page_size=2, address=claim.account)


def worker() -> Worker:
    """Make this process's worker."""
    workspaces = Workspaces(os.environ["CRM_DATABASE"], Keys(KEY))
    return Worker(workspaces, provider_of=provider, lease=5.0, rhythm=Rhythm(slice=30.0))
