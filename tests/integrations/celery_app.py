from __future__ import annotations

import os

from celery import Celery
from hosts import worker

from crmsync.integrations.celery import register

app = Celery("crm", broker=os.environ["CRM_BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_proc_alive_timeout = 60.0
register(app, worker, every=0.5, again_after=5.0)
