"""What the processes of `soak.py` run where a queue wakes them: an app for Celery, and one for Procrastinate."""

from __future__ import annotations

import json
import os
from typing import Any

from crmsync.runtime import Key, Keys, Service
from crmsync.runtime.sql import Workspaces
from crmsync.runtime.worker import Worker


def worker() -> Worker:
    """Make this process's worker."""
    clients = {Service(name): client for name, client in json.loads(os.environ["SOAK_CLIENTS"]).items()}
    workspaces = Workspaces(os.environ["SOAK_DATABASE"], Keys(Key(os.environ["CRMSYNC_KEY"])), clients=clients)
    return Worker(workspaces)


app: Any
if broker := os.environ.get("SOAK_BROKER"):
    from celery import Celery

    from crmsync.integrations.celery import register

    app = Celery("soak", broker=broker)
    app.conf.broker_connection_retry_on_startup = True
    app.conf.broker_connection_max_retries = None
    register(app, worker, every=1.0, again_after=10.0)
elif conninfo := os.environ.get("SOAK_CONNINFO"):
    from procrastinate import App, PsycopgConnector

    from crmsync.integrations.procrastinate import register as register_procrastinate

    app = App(connector=PsycopgConnector(conninfo=conninfo))
    register_procrastinate(app, worker, cron="* * * * * */1", again_after=10.0, stalled_after=15.0)
