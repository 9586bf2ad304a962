"""What reaches servers that users name: finding them, and checked connections to them."""

from .access import Access, Security, Server
from .sockets import may_dial

__all__ = ["Access", "Security", "Server", "may_dial"]
