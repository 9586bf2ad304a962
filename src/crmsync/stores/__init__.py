"""The bundled storages: `memory`, the readable reference, and `sql`, for SQLite and PostgreSQL (extra `sql`)."""
