"""Many workspaces in one database (extra `workers`): accounts, channels with their leases, status, history, events.

workspaces.py   `Workspaces`: the door; workspace.py what one of them offers
accounts.py     a workspace's accounts; channels.py its channels
claims.py       what is due, and whose it is; history.py what became of it
tables.py       the tables
"""

from .accounts import SqlAccounts
from .channels import Channels
from .claims import Claim, Claims, Lag
from .history import History
from .workspaces import Unsealed, Workspace, Workspaces

__all__ = [
    "Channels", "Claim", "Claims", "History", "Lag", "SqlAccounts", "Unsealed", "Workspace", "Workspaces",
]  # fmt: skip
