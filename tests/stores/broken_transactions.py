"""Storages that apply half a batch, a stale one, or two at once."""

from __future__ import annotations

from broken_lines import (
    BEGIN,
    COMMIT,
    COMPARE,
    CONTACTS,
    DECISIONS,
    ENSURE,
    INSERT_PERSON,
    PERSON_KEY,
    READ_CURSOR,
    SAVE_CURSOR,
    UPSERTS,
    WITH,
    Broken,
)

BREAKS_OFF = "a_batch_that_breaks_off_in_any_field_changes_nothing"
REFUSED = "a_batch_that_the_database_refuses_in_any_field_changes_nothing"
HALF = "nobody_sees_half_a_batch"
BEHIND = "a_batch_behind_the_cursor_is_refused_whole"
FIRST_REFUSED = "a_first_batch_is_refused_whole_where_a_cursor_is"
TWICE = "a_batch_applied_twice_is_refused_the_second_time"
LATER_REFUSED = "a_later_batch_is_refused_whole_where_no_cursor_is"
ONE_STREAM = "of_two_writers_on_one_stream_one_wins"
ONE_PERSON = "whom_two_writers_ensure_at_once_is_one_person"

NOT_ATOMIC = (
    Broken("each statement is a transaction of its own", {BEGIN: "pass"}, (BREAKS_OFF, REFUSED, HALF)),
    Broken("the cursor is committed before the content", {UPSERTS: COMMIT + UPSERTS}, (BREAKS_OFF, REFUSED, HALF)),
    Broken("the links are committed before the ledger", {DECISIONS: COMMIT + DECISIONS}, (BREAKS_OFF, REFUSED, HALF)),
    Broken("people are ensured in another transaction", {CONTACTS: COMMIT + CONTACTS}, (BREAKS_OFF, REFUSED, HALF)),
    Broken(
        "each person is committed",
        {ENSURE: f'{ENSURE}\n                db.execute("COMMIT")\n                db.execute("BEGIN")'},
        (BREAKS_OFF, REFUSED),
    ),
    Broken(
        "the cursor is saved after the transaction",
        {SAVE_CURSOR: "pass", ENSURE: f"{ENSURE}\n        self.{SAVE_CURSOR}"},
        (REFUSED,),
    ),
    Broken(
        "a failure leaves the transaction open",
        {WITH: "        db = self.db\n        if True:\n", ENSURE: f'{ENSURE}\n            db.execute("COMMIT")'},
        (BREAKS_OFF, "what_failed_goes_through_when_it_is_whole"),
    ),
    Broken(
        "what failed half is taken for done",
        {
            COMPARE: "if batch.cursor in self.__dict__.setdefault('seen', set()):\n"
            "                return\n"
            "            self.seen.add(batch.cursor)\n"
            f"            {COMPARE}"
        },
        ("what_failed_goes_through_when_it_is_whole", TWICE),
    ),
)

CURSORS = (
    Broken("the expected cursor is ignored", {COMPARE: "if False:"}, (BEHIND, FIRST_REFUSED, TWICE, LATER_REFUSED)),
    Broken(
        "None is taken for any cursor",
        {COMPARE: "if batch.expected is not None and self.load_cursor(name) != batch.expected:"},
        (FIRST_REFUSED,),
    ),
    Broken(
        "no cursor is taken for any expected one",
        {COMPARE: "if self.load_cursor(name) not in (None, batch.expected):"},
        (LATER_REFUSED,),
    ),
    Broken(
        "a stale batch is dropped in silence", {"raise StaleCursor(name)": "return"}, (BEHIND, FIRST_REFUSED, TWICE)
    ),
    Broken("a stale batch is some error", {"raise StaleCursor(name)": "raise ValueError(name)"}, (BEHIND,)),
    Broken(
        "the people of a stale batch are kept",
        {
            WITH: "        for who in batch.contacts:\n"
            "            self.db.execute(ENSURE, [who.address, who.name.first, who.name.last, None])\n" + WITH
        },
        (BEHIND, FIRST_REFUSED, LATER_REFUSED, BREAKS_OFF),
    ),
    Broken(
        "any stream's cursor will do",
        {COMPARE: 'if batch.expected not in (None, *(c for (c,) in db.execute("SELECT cursor FROM stream"))):'},
        ("another_stream_s_cursor_does_not_count",),
    ),
    Broken(
        "cursors are compared without case",
        {COMPARE: "if str(self.load_cursor(name)).lower() != str(batch.expected).lower():"},
        ("cursors_are_compared_exactly",),
    ),
    Broken(
        "a cursor is cut",
        {"[name, batch.cursor]": "[name, batch.cursor[:4000]]"},
        ("a_cursor_comes_back_as_it_was_stored",),
    ),
    Broken(
        "a cursor is trimmed",
        {"[name, batch.cursor]": "[name, batch.cursor.strip()]"},
        ("a_cursor_comes_back_as_it_was_stored",),
    ),
    Broken(
        "a cursor may be a number",
        {"cursor TEXT NOT NULL": "cursor NUMERIC NOT NULL"},
        ("a_cursor_comes_back_as_it_was_stored",),
    ),
    Broken(
        "a cursor is ASCII",
        {"[name, batch.cursor]": '[name, batch.cursor.encode("ascii", "replace").decode()]'},
        ("a_cursor_comes_back_as_it_was_stored",),
    ),
    Broken(
        "a stream never seen has an empty cursor",
        {"return row and Cursor(row[0])": 'return row[0] if row else ""'},
        ("a_stream_never_seen_has_no_cursor_and_an_empty_ledger",),
    ),
    Broken(
        "the cursor is remembered by the object",
        {
            READ_CURSOR: 'self.__dict__.setdefault("rows", {}).get(stream)',
            SAVE_CURSOR: f"{SAVE_CURSOR}\n            self.rows[name] = [batch.cursor]",
        },
        ("another_connection_sees_all_and_keeps_to_the_same_cursor",),
    ),
    Broken(
        "a batch without content is skipped",
        {
            BEGIN: "if not (batch.upserts or batch.deletes or batch.decisions or batch.contacts):\n"
            f"                return\n            {BEGIN}"
        },
        ("a_batch_without_content_moves_the_cursor_and_nothing_else",),
    ),
)

WRITERS = (
    Broken(
        "the cursor is read before the transaction begins",
        {WITH: f"        here = self.load_cursor(name)\n{WITH}", COMPARE: "if here != batch.expected:"},
        (ONE_STREAM,),
    ),
    Broken(
        "the cursor is compared before the transaction begins",
        {
            WITH: f"        {COMPARE}\n            raise StaleCursor(name)\n{WITH}",
            f"            {COMPARE}\n": "            if False:\n",
        },
        (ONE_STREAM,),
    ),
    Broken("nothing is locked", {BEGIN: "pass"}, (ONE_STREAM, HALF)),
    Broken(
        "people are looked up before the transaction, and nothing makes them unique",
        {
            PERSON_KEY: "address TEXT",
            WITH: f'        known = {{a for (a,) in self.db.execute("SELECT address FROM person")}}\n{WITH}',
            ENSURE: f"if who.address not in known:\n                    {INSERT_PERSON}",
        },
        (ONE_PERSON,),
    ),
)
