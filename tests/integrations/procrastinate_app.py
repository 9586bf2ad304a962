from __future__ import annotations

import os

from hosts import worker
from procrastinate import App, PsycopgConnector

from crmsync.integrations.procrastinate import register

app = App(connector=PsycopgConnector(conninfo=os.environ["CRM_CONNINFO"]))
register(app, worker, cron="* * * * * */1", again_after=5.0, stalled_after=12.0)
