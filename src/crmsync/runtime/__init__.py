"""What runs crmsync between a host and its providers: connected accounts, and their secrets at rest (extra `accounts`).

encryption.py     a secret sealed for its place, by keys that can be changed
keys.py           where the key comes from: the environment, or a file that only its owner reads
accounts.py       `Account`: a person's logins, as they may be stored
account_file.py   accounts in a file; a host keeps them in its own tables instead
"""

from .account_file import AccountFile
from .accounts import Account, Login, Service
from .encryption import Key, Keys
from .keys import key_file, keys_from, read_key_file

__all__ = ["Account", "AccountFile", "Key", "Keys", "Login", "Service", "key_file", "keys_from", "read_key_file"]
