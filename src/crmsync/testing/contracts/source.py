"""What every provider's streams must keep: `SourceContract`.

It imports no test framework and runs under pytest and unittest alike:

    class TestMyProvider(SourceContract):
        def make_world(self):
            return MyWorld()

One clause, one test, one sentence.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from ...errors import CursorExpired
from ...model import Cursor, Decision, Event, Inventory, Item, Message, Outcome, Page, Reason, Selection
from ...protocols import Provider, Source


class World(Protocol):
    """A mailbox or calendar that the contract may change, with a provider that reads it.

    It begins empty. What is put under a name carries that name: `<name@contract.example>` as Message-ID, or
    `name@contract.example` as UID. Pages should be small (two items), so that a few items make several.
    """

    @abstractmethod
    def provider(self) -> Provider:
        """Open the account anew, as another process would."""

    @abstractmethod
    def put(self, name: str) -> None:
        """Let an item arrive; later ones are newer. Put again, it changes, or another one arrives beside it."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Let an item go for good."""


class SourceContract:
    """The clauses of `Source`. Give `make_world`; override no clause."""

    newest_first = True
    """Whether the stream has an order in time; a calendar file has none."""

    def make_world(self) -> World:
        """Return a new, empty world."""
        raise NotImplementedError("give make_world(): a new, empty world")

    def test_an_empty_stream_is_one_page_that_says_so(self) -> None:
        """There is always a page, so that its cursor can be kept."""
        world = self.make_world()
        pages = _changes(world, None)
        assert len(pages) >= 1, "an empty stream yields no page"
        assert not any(_ids(p) for p in pages), "an empty stream lists something"
        assert not pages[-1].more, "the last page promises another"

    def test_a_first_listing_brings_everything_once(self) -> None:
        """Nothing missing, nothing twice."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        assert sorted(_listed(world, None)) == ["a", "b", "c", "d", "e"]

    def test_a_first_listing_is_newest_first(self) -> None:
        """What a user looks for first is there first."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        if self.newest_first:
            assert _listed(world, None) == ["e", "d", "c", "b", "a"]

    def test_only_the_last_page_says_that_it_is_the_last(self) -> None:
        """An empty page in the middle is not the end, and a full one may be."""
        pages = _changes(self.make_world_of("a", "b", "c", "d", "e"), None)
        assert [p.more for p in pages] == [True] * (len(pages) - 1) + [False]

    def test_after_the_last_cursor_there_is_nothing(self) -> None:
        """A poll that finds nothing is cheap and moves nothing."""
        world = self.make_world_of("a", "b", "c")
        end = _changes(world, None)[-1].cursor
        again = _changes(world, end)
        assert not any(_ids(p) for p in again), "items that were reported before come again"
        assert again[-1].cursor == end, "the cursor moved though nothing happened"

    def test_what_arrives_later_is_reported_next_time_and_alone(self) -> None:
        """A cursor continues: old items stay where they are."""
        world = self.make_world_of("a", "b")
        held, end = _held(world), _changes(world, None)[-1].cursor
        world.put("c")
        assert _follow(world, end, held) == {"a", "b", "c"}

    def test_what_arrives_during_a_listing_is_reported_by_the_next(self) -> None:
        """The position is taken before the listing begins."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        seen: dict[str, str] = {}
        cursor = Cursor("")
        source = _source(world)
        for number, page in enumerate(source.changes(None)):
            seen |= {item.id: _name(item) for item in _items(source, page)}
            cursor = page.cursor
            if number == 0:
                world.put("f")
        assert _follow(world, cursor, seen) == {"a", "b", "c", "d", "e", "f"}

    def test_a_listing_resumes_after_any_page(self) -> None:
        """A crash half-way costs the rest, not the whole."""
        names = {"a", "b", "c", "d", "e"}
        world = self.make_world_of(*sorted(names))
        pages = _changes(world, None)
        for stop in range(1, len(pages)):
            source = _source(world)
            before = {n for page in pages[:stop] for n in _names(source, page)}
            after = set(_listed(world, pages[stop - 1].cursor))
            assert before | after == names, f"resuming after page {stop} loses {names - before - after}"
            assert not before & after, f"resuming after page {stop} lists {before & after} again"

    def test_new_items_do_not_wait_behind_a_first_listing(self) -> None:
        """A cursor in the middle of a listing holds the head as well."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        pages = _changes(world, None)
        if len(pages) > 1:
            world.put("f")
            resumed = _listed(world, pages[0].cursor)
            assert "f" in resumed, "what arrived meanwhile is not reported"
            if self.newest_first:
                assert resumed[0] == "f", f"the new item came after {resumed[: resumed.index('f')]}"

    def test_what_goes_is_reported_or_the_cursor_expires(self) -> None:
        """A removal is a tombstone, or a listing without it."""
        world = self.make_world_of("a", "b", "c")
        held, end = _held(world), _changes(world, None)[-1].cursor
        world.remove("b")
        assert _follow(world, end, held) == {"a", "c"}

    def test_a_count_is_that_of_the_listing(self) -> None:
        """Where a source says how many items the provider counts, its listing agrees when nothing is amiss."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        counts = [page.counted for page in _changes(world, None)]
        assert counts[-1] in (None, 5), f"five items are listed, and {counts[-1]} counted"
        assert not any(counts[:-1]), "a count comes before the end of the listing"
        world.remove("b")
        counted = _changes(world, None)[-1].counted
        assert counted in (None, 4), f"after a removal four items are listed, and {counted} counted"

    def test_an_inventory_has_what_a_listing_has(self) -> None:
        """Where a source says what there is without content, it names the ids of `changes`, no more and no fewer."""
        world = self.make_world_of("a", "b", "c", "d", "e")
        world.remove("b")
        take: Callable[[], Inventory] | None = getattr(_source(world), "inventory", None)
        said = take() if take else Inventory()
        listed = {id_ for page in _changes(world, None) for id_ in _ids(page)}
        assert said.ids is None or sorted(said.ids) == sorted(listed), f"{said.ids} is said, {sorted(listed)} is listed"
        assert said.count in (None, 4), f"four items are there, and {said.count} counted"

    def test_a_change_of_a_known_item_is_reported_or_the_cursor_expires(self) -> None:
        """Whoever follows holds what a new listing would bring, content and all."""
        world = self.make_world_of("a", "b", "c")
        source = _source(world)
        holds: dict[str, Item] = {}
        end = Cursor("")
        for page in source.changes(None):
            holds |= {item.id: item for item in _items(source, page)}
            end = page.cursor
        world.put("b")  # again: it changes, or a second one arrives
        source = _source(world)
        try:
            for page in source.changes(end):
                holds |= {item.id: item for item in _items(source, page)}
                for id_ in page.deletes:
                    holds.pop(id_, None)
        except CursorExpired:
            return
        source = _source(world)
        anew = {item.id: item for page in source.changes(None) for item in _items(source, page)}
        stale = [_name(anew[id_]) for id_ in anew if id_ in holds and holds[id_] != anew[id_]]
        assert not stale, f"{stale} changed, and a follower was not told"
        assert set(holds) == set(anew), "a follower holds other items than are there"

    def test_a_cursor_that_is_none_expires(self) -> None:
        """Garbage, another provider's cursor or an old format: the engine lists again."""
        world = self.make_world_of("a")
        for garbage in ("", "nonsense", "{}", "[]", "null", "0", '{"v": "somebody-else/1"}', "\x00", "9" * 400):
            try:
                next(iter(_source(world).changes(Cursor(garbage))))
            except CursorExpired:
                continue
            raise AssertionError(f"the cursor {garbage!r} was taken for one of this source")

    def test_fetch_brings_back_what_was_listed(self) -> None:
        """The same records under the same ids."""
        world = self.make_world_of("a", "b", "c")
        source = _source(world)
        listed = {item.id: item for page in source.changes(None) for item in _items(source, page)}
        fetched = {item.id: item for page in source.fetch(sorted(listed)) for item in page.upserts}
        assert fetched == listed

    def test_fetch_answers_for_ids_that_are_gone(self) -> None:
        """Every id asked for is accounted for."""
        world = self.make_world_of("a", "b")
        source = _source(world)
        ids = {_name(item): item.id for page in source.changes(None) for item in _items(source, page)}
        world.remove("a")
        pages = list(_source(world).fetch([ids["a"], ids["b"], "never-there"]))
        assert {i for p in pages for i in p.deletes} == {ids["a"], "never-there"}
        assert [_name(item) for p in pages for item in p.upserts] == ["b"]

    def test_ids_survive_a_restart(self) -> None:
        """Another process sees the same ids and the same streams."""
        world = self.make_world_of("a", "b", "c")
        first, second = ({i for p in _changes(world, None) for i in _ids(p)} for _ in range(2))
        assert first == second
        names = [[s.name for s in world.provider().streams(Selection())] for _ in range(2)]
        assert names[0] == names[1], "stream names changed between two looks"
        assert len(set(names[0])) == len(names[0]), "two streams have one name"

    def test_a_screen_loses_nothing(self) -> None:
        """An item that the screen keeps out is reported as screened, or brought all the same."""
        world = self.make_world_of("a", "b", "c")
        no = Decision(outcome=Outcome.EXCLUDED, reason=Reason.INTERNAL)
        source = _source(world)
        pages = list(source.changes(None, screen=lambda _: no))
        ids = [i for p in pages for i in (*(s.id for s in p.screened), *(u.id for u in p.upserts), *p.present)]
        assert len(set(ids)) == len(ids) == 3, f"three items, reported as {ids}"
        assert all(s.decision == no for p in pages for s in p.screened)

    def test_no_clause_is_switched_off(self) -> None:
        """A contract with holes is none."""
        clauses = {name for name in vars(SourceContract) if name.startswith("test_")}
        changed = {name for name in clauses if getattr(type(self), name) is not getattr(SourceContract, name)}
        assert not changed, f"overridden: {sorted(changed)}"

    def make_world_of(self, *names: str) -> World:
        """Return a world into which these have arrived, in this order."""
        world = self.make_world()
        for name in names:
            world.put(name)
        return world


def _source(world: World) -> Source:
    streams = world.provider().streams(Selection())
    assert len(streams) == 1, f"the contract looks at one stream, this world has {len(streams)}"
    return streams[0].source


def _changes(world: World, since: Cursor | None) -> list[Page]:
    return list(_source(world).changes(since))


def _items(source: Source, page: Page) -> Iterator[Item]:
    yield from page.upserts
    if page.present:
        for fetched in source.fetch(page.present):
            yield from fetched.upserts


def _names(source: Source, page: Page) -> list[str]:
    order = {item.id: _name(item) for item in _items(source, page)}
    return [order[i] for i in (*(u.id for u in page.upserts), *page.present) if i in order]


def _listed(world: World, since: Cursor | None) -> list[str]:
    source = _source(world)
    return [name for page in source.changes(since) for name in _names(source, page)]


def _held(world: World) -> dict[str, str]:
    source = _source(world)
    return {item.id: _name(item) for page in source.changes(None) for item in _items(source, page)}


def _follow(world: World, since: Cursor, held: Mapping[str, str]) -> set[str]:
    """Return the names that a follower who held these items holds after its next look."""
    holds = dict(held)
    source = _source(world)
    try:
        for page in source.changes(since):
            holds |= {item.id: _name(item) for item in _items(source, page)}
            for id_ in page.deletes:
                holds.pop(id_, None)
    except CursorExpired:
        return set(_listed(world, None))
    return set(holds.values())


def _ids(page: Page) -> list[str]:
    return [
        *(u.id for u in page.upserts),
        *page.present,
        *page.deletes,
        *(s.id for s in page.skipped),
        *(s.id for s in page.screened),
    ]


def _name(item: Item) -> str:
    record: Message | Event = item.records[0]
    identity = record.message_id if isinstance(record, Message) else record.uid
    return (identity or "").removesuffix("@contract.example")
