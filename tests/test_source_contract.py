"""The fake mailbox keeps the contract that every provider keeps: fakes need tests too."""

from crmsync import Provider
from crmsync.testing import FakeMailbox, message
from crmsync.testing.contracts.source import SourceContract, World


class FakeWorld(World):
    def __init__(self) -> None:
        self.mailbox = FakeMailbox(page_size=2)

    def provider(self) -> Provider:
        return self.mailbox

    def put(self, name: str) -> None:
        self.mailbox.put(message(f"id-{name}", message_id=f"{name}@contract.example", to="me@acme.com"))

    def remove(self, name: str) -> None:
        self.mailbox.remove(f"id-{name}")


class TestFakeMailbox(SourceContract):
    def make_world(self) -> World:
        return FakeWorld()
