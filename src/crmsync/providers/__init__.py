"""Where mail and calendars come from: a room for each protocol or vendor, and two that they share.

`network` reaches servers that users name; `web` calls web APIs. A provider imports formats and protocols, never a rule.
"""

from . import _moved  # noqa: F401 - keeps the import paths of version 0.1
