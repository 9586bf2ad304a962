"""What a host needs to live with connected accounts (extra `accounts`). Every part is optional.

accounts.py        `Account`: a person's logins, as they may be stored; registry.py is where they are kept
account_file.py    accounts in a file, for small hosts
encryption.py      a secret sealed for its place, by keys that can be changed; keys.py says where keys come from
finding.py         from an address to its servers
passwords.py       connecting by password: test, then save
consents.py        connecting by consent: begin, and finish when the person comes back; stored_tokens.py
editing.py         one mailbox is one account, and stays that mailbox's
vendors/           what crmsync knows of each vendor, as data
opening.py         from an account to its provider and its sender
running.py         channels, run once; progress.py how far they are, advice.py what to do about errors
leaving.py         disconnecting, a member who leaves, a person who is erased: each with a receipt
schedule.py        when a channel runs next; status.py how it stands
watches.py         vendors that tell of changes, renewed in time; push.py takes what they tell
sql/               many workspaces in one database: accounts, channels, leases, history (extra `workers`)
worker.py          what runs due channels, in one process or many
"""

from .account_file import AccountFile
from .accounts import Account, Kind, Login, Service
from .advice import advice_for
from .consents import Begun, Consented, ask_admin, begin, finish
from .editing import AliasConnected, Changed, Mismatch, OwnedByAnother
from .encryption import Key, Keys
from .finding import Found, find_servers
from .keys import key_file, keys_from, read_key_file
from .leaving import disconnect, erase_person, leave, member_leaves
from .opening import NotConnected, provider_of, send, sender_of
from .passwords import Connected, LoginCheck, check_login, connect, reconnect
from .progress import HowFar
from .registry import Accounts, Connections
from .running import Ran, Work, run_channel, run_channels
from .vendors import Letter, sends_by, service_of

__all__ = [
    "Account",
    "AccountFile",
    "Accounts",
    "AliasConnected",
    "Begun",
    "Changed",
    "Connected",
    "Connections",
    "Consented",
    "Found",
    "HowFar",
    "Key",
    "Keys",
    "Kind",
    "Letter",
    "Login",
    "LoginCheck",
    "Mismatch",
    "NotConnected",
    "OwnedByAnother",
    "Ran",
    "Service",
    "Work",
    "advice_for",
    "ask_admin",
    "begin",
    "check_login",
    "connect",
    "disconnect",
    "erase_person",
    "find_servers",
    "finish",
    "key_file",
    "keys_from",
    "leave",
    "member_leaves",
    "provider_of",
    "read_key_file",
    "reconnect",
    "run_channel",
    "run_channels",
    "send",
    "sender_of",
    "sends_by",
    "service_of",
]  # fmt: skip
