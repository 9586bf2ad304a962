"""Waking workers from engines that hosts have, and telling theirs what happens. Each module is an extra of its name.

celery.py          due channels dispatched by beat, one idempotent task a channel
procrastinate.py   the same where there is PostgreSQL and nothing else
opentelemetry.py   traces and metrics

None of them carries correctness: a queue is an alarm clock that may ring twice or not at all, and the lease in
`crmsync.runtime.sql` decides whose a channel is.
"""
