"""Where mail and calendars come from: `files` so far. A provider imports formats and protocols, never a rule."""
