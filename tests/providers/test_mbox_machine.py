"""The random life of a mailbox file, and a follower that always ends with what is in it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from chance import lives
from file_worlds import ME, Follower, entry, fetch_all, name_of, only_source
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crmsync.protocols import Source
from crmsync.providers.files import MailFiles, messages


class MailboxFile(RuleBasedStateMachine):
    """A mail program writes, another reads, crashes, and reads on."""

    @initialize(windows=st.booleans())
    def begin(self, windows: bool) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "Inbox"
        self.path.write_bytes(b"")
        self.windows = windows
        self.messages: list[tuple[str, str, bool]] = []
        """Name, flags, and whether it is expunged."""
        self.cut = False
        self.count = 0
        self.follower = Follower()
        self.page_items, messages.PAGE_ITEMS = messages.PAGE_ITEMS, 2

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            messages.PAGE_ITEMS = self.page_items
            shutil.rmtree(self.folder)

    @rule(how_many=st.integers(1, 5), again=st.booleans())
    def append(self, how_many: int, again: bool) -> None:
        for _ in range(how_many):
            self.count += 1
            name = self.messages[0][0] if again and self.messages else f"m{self.count}"
            self.messages.append((name, "", False))
            with self.path.open("ab") as file:
                file.write(self._octets(*self.messages[-1]))

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), flags=st.sampled_from(["", "Status: RO\n", "Status: RO\nX-Status: A\nX-Keywords:   \n"]))
    def rewrite_flags(self, data: st.DataObject, flags: str) -> None:
        at = data.draw(st.integers(0, len(self.messages) - 1))
        self.messages[at] = (self.messages[at][0], flags, self.messages[at][2])
        self._write()

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), in_place=st.booleans())
    def delete(self, data: st.DataObject, in_place: bool) -> None:
        at = data.draw(st.integers(0, len(self.messages) - 1))
        if in_place:
            self.messages[at] = (*self.messages[at][:2], True)
        else:
            del self.messages[at]
            self.messages = [m for m in self.messages if not m[2]]
        self._write()

    @precondition(lambda self: self.path.stat().st_size > 10)
    @rule(share=st.floats(0, 1))
    def cut_off(self, share: float) -> None:
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: max(6, int(len(whole) * share))])
        self.cut = True

    @precondition(lambda self: self.cut)
    @rule()
    def repair(self) -> None:
        self._write()

    @rule()
    def crash_while_looking(self) -> None:
        self.follower.look(self._source(), stop_after=1)

    @rule()
    def look(self) -> None:
        self.follower.look(self._source())
        assert set(self.follower.holds) == {i for page in self._source().changes(None) for i in page.present}
        if not self.cut:
            alive = {name for name, _, expunged in self.messages if not expunged}
            assert sorted(alive) == self.follower.names()
        self.follower.look(self._source())
        assert self.follower.told == []
        assert not self.follower.relisted

    @invariant()
    def a_new_reader_sees_each_message_once(self) -> None:
        if hasattr(self, "folder") and not self.cut:
            alive = {name for name, _, expunged in self.messages if not expunged}
            assert alive == {name_of(item) for item in fetch_all(self._source())}

    def _source(self) -> Source:
        return only_source(MailFiles(self.path, ME))

    def _octets(self, name: str, flags: str, expunged: bool) -> bytes:
        octets = entry(name, headers=f"{flags}X-Mozilla-Status: {'0009' if expunged else '0001'}\n")
        return octets.replace(b"\n", b"\r\n") if self.windows else octets

    def _write(self) -> None:
        self.path.write_bytes(b"".join(self._octets(*message) for message in self.messages))
        self.cut = False


TestMailboxFile = MailboxFile.TestCase
TestMailboxFile.settings = lives(60, steps=15)
