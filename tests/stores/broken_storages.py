"""Storages with one mistake each, in what they keep."""

from __future__ import annotations

from broken_lines import (
    DECISIONS,
    ENSURE,
    ENTRY,
    FIRST,
    HELD,
    INSERT_PERSON,
    LAST,
    LINK,
    LINK_KEY,
    PERSON_KEY,
    RECORD_DECISION,
    UNLINK,
    UNLINKED,
    UPSERTS,
    Broken,
    lossy,
)

LEDGER_KEEPS = "the_ledger_keeps_outcome_reason_detail_and_attempts"
SHRINKS = "an_item_that_shrinks_keeps_nothing_of_the_rest"
NEW_CONTENT = "an_item_s_new_content_replaces_the_old"
SEPARATE = "streams_are_separate"
MOVE_THERE = "a_move_that_is_seen_there_first_never_loses_the_record"
MOVE_HERE = "a_move_that_is_seen_here_first_ends_the_same"
MOVE_WITHIN = "a_move_within_a_stream_loses_nothing"
EVERY_FIELD = "a_record_comes_back_with_every_field"
TIMES = "times_keep_their_instant_and_microseconds"

LINKS = (
    Broken(
        "an upsert adds to what its id held",
        {UNLINKED: "for id_ in batch.deletes:", LINK: LINK.replace("INSERT", "REPLACE")},
        (SHRINKS, NEW_CONTENT),
    ),
    Broken(
        "the copy that is there stays",
        {UNLINKED: "for id_ in batch.deletes:", LINK: LINK.replace("INSERT", "INSERT OR IGNORE")},
        (SHRINKS, NEW_CONTENT),
    ),
    Broken(
        "what is there already is refused",
        {UNLINKED: "for id_ in batch.deletes:"},
        ("the_same_content_again_changes_nothing", NEW_CONTENT),
    ),
    Broken(
        "deletes are forgotten",
        {UNLINKED: "for id_ in (item.id for item in batch.upserts):"},
        ("a_delete_unlinks_its_id_and_no_other", "what_went_may_come_back"),
    ),
    Broken(
        "deletes come after upserts",
        {
            UNLINKED: "for id_ in (item.id for item in batch.upserts):",
            DECISIONS: f"            for id_ in batch.deletes:\n                {UNLINK}\n" + DECISIONS,
        },
        ("deletes_come_before_upserts",),
    ),
    Broken(
        "an unknown id is an error",
        {UNLINK: f"if {UNLINK}.rowcount == 0 and id_ in batch.deletes:\n                    raise KeyError(id_)"},
        ("deleting_an_unknown_id_is_harmless",),
    ),
    Broken(
        "a delete reaches into other streams",
        {UNLINK: 'db.execute("DELETE FROM link WHERE id = ?", [id_])'},
        ("a_delete_unlinks_its_id_and_no_other", SEPARATE),
    ),
    Broken(
        "a delete takes the record of every link",
        {UNLINK: UNLINK.replace("stream = ? AND id = ?", "key IN (SELECT key FROM link WHERE stream = ? AND id = ?)")},
        ("a_record_lives_while_another_stream_links_it", "a_record_lives_while_another_id_links_it", MOVE_THERE),
    ),
    Broken(
        "a delete takes the record of every id of its stream, after the upserts",
        {
            UNLINKED: "keys = []\n            " + UNLINKED,
            UNLINK: f"keys += {HELD}\n                {UNLINK}",
            DECISIONS: '            db.executemany("DELETE FROM link WHERE stream = ? AND key = ?", keys)\n'
            + DECISIONS,
        },
        (MOVE_WITHIN,),
    ),
    Broken(
        "a record that went stays away",
        {
            UNLINKED: 'gone = self.__dict__.setdefault("gone", set())\n            ' + UNLINKED,
            UNLINK: f"gone.update(key for _, key in {HELD} if id_ in batch.deletes)\n                {UNLINK}",
            "for record in item.records:": "for record in (r for r in item.records if r.key not in gone):",
        },
        (MOVE_HERE, "what_went_may_come_back"),
    ),
    Broken(
        "one copy of a record is kept",
        {LINK_KEY: "held INT, record TEXT, PRIMARY KEY (key)", LINK: LINK.replace("INSERT", "REPLACE")},
        ("copies_of_a_record_that_differ_are_each_kept", MOVE_THERE),
    ),
    Broken(
        "a record has one id in a stream",
        {LINK_KEY: "held INT, record TEXT, PRIMARY KEY (stream, key)", LINK: LINK.replace("INSERT", "REPLACE")},
        ("a_record_lives_while_another_id_links_it",),
    ),
    Broken(
        "all links show the newest copy",
        {LINK: f'{LINK}\n                    db.execute("UPDATE link SET record = ? WHERE key = ?", [row[5], row[2]])'},
        ("copies_of_a_record_that_differ_are_each_kept",),
    ),
    Broken(
        "ids are compared without case",
        {"stream TEXT, id TEXT, key TEXT": "stream TEXT, id TEXT COLLATE NOCASE, key TEXT"},
        ("ids_are_compared_exactly",),
    ),
    Broken("ids are patterns", {UNLINK: UNLINK.replace("id = ?", "id LIKE ?")}, ("ids_are_compared_exactly",)),
    Broken(
        "ids may be numbers",
        {"stream TEXT, id TEXT, key TEXT": "stream TEXT, id NUMERIC, key TEXT"},
        ("ids_are_compared_exactly",),
    ),
    Broken(
        "streams are compared without case",
        {"stream (name TEXT PRIMARY KEY": "stream (name TEXT PRIMARY KEY COLLATE NOCASE"},
        (SEPARATE,),
    ),
    Broken(
        "a stream is all that begins like it",
        {UNLINK: UNLINK.replace("stream = ?", "stream LIKE ?").replace("[name,", "[name + '%',")},
        (SEPARATE,),
    ),
    Broken(
        "an item that is leaving goes at once",
        {
            RECORD_DECISION: f'{RECORD_DECISION}\n                if entry.decision.outcome == "leaving":\n'
            '                    db.execute("DELETE FROM link WHERE stream = ? AND id = ?", row[:2])'
        },
        ("a_decision_touches_no_link",),
    ),
    Broken(
        "what is held is not marked",
        {"item.held": "False"},
        ("what_is_held_is_kept_as_held", "a_link_is_held_and_not_a_record"),
    ),
    Broken(
        "what was held once stays held",
        {
            UNLINK: "held = self.__dict__.setdefault('held', set())\n"
            f"                held.update(id_ for _ in {HELD.replace('id = ?', 'id = ? AND held')})\n"
            f"                {UNLINK}",
            "item.held": "item.held or item.id in held",
        },
        ("what_is_held_is_kept_as_held",),
    ),
    Broken(
        "what is held in one mailbox is held in all",
        {
            "item.held": "max(h for (h,) in db.execute('SELECT max(held) FROM link WHERE key = ? UNION SELECT ?',"
            " [record.key, item.held]) if h is not None)"
        },
        ("a_link_is_held_and_not_a_record",),
    ),
)

LEDGER = (
    *(
        Broken(f"the {what} is lost", {ENTRY: f"entry.model_copy(update={update}).model_dump_json()]"}, (LEDGER_KEEPS,))
        for what, update in {
            "reason": '{"decision": entry.decision.model_copy(update={"reason": type(entry.decision.reason).DELETED})}',
            "detail": '{"decision": entry.decision.model_copy(update={"detail": ""})}',
            "number of attempts": '{"attempts": 0}',
        }.items()
    ),
    Broken("decisions are forgotten", {RECORD_DECISION: "pass"}, (LEDGER_KEEPS,)),
    Broken(
        "decisions pile up",
        {"entry TEXT, PRIMARY KEY (stream, id)": "entry TEXT"},
        ("a_newer_decision_replaces_the_older",),
    ),
    Broken(
        "the first decision stays",
        {RECORD_DECISION: RECORD_DECISION.replace("REPLACE", "INSERT OR IGNORE")},
        ("a_newer_decision_replaces_the_older", "what_is_gone_stays_in_the_ledger"),
    ),
    Broken(
        "what is gone is forgotten",
        {DECISIONS: '            for entry in (e for e in batch.decisions if e.decision.outcome != "gone"):\n'},
        ("what_is_gone_stays_in_the_ledger",),
    ),
    Broken("a ledger for all streams", {"stream = ? AND outcome": "? <> '' AND outcome"}, (SEPARATE,)),
    Broken(
        "the filter is ignored",
        {"outcome = coalesce(?, outcome)": "coalesce(?, outcome) <> ''"},
        ("the_ledger_can_be_asked_for_one_outcome",),
    ),
    Broken(
        "the filter excludes",
        {"outcome = coalesce(?, outcome)": "outcome <> coalesce(?, '')"},
        ("the_ledger_can_be_asked_for_one_outcome",),
    ),
    Broken(
        "the filter reads the first outcome",
        {
            RECORD_DECISION: RECORD_DECISION.replace("REPLACE", "INSERT").replace(
                "?)", "?) ON CONFLICT DO UPDATE SET entry = excluded.entry"
            )
        },
        ("the_ledger_can_be_asked_for_one_outcome",),
    ),
)

PEOPLE = (
    Broken("contacts are forgotten", {ENSURE: "pass"}, ("a_contact_is_one_person_however_often_ensured",)),
    Broken(
        "contacts are created blindly",
        {PERSON_KEY: "address TEXT", ENSURE: INSERT_PERSON},
        ("a_contact_is_one_person_however_often_ensured",),
    ),
    Broken(
        "names are overwritten",
        {FIRST: "first = excluded.first", LAST: "last = excluded.last"},
        ("an_empty_name_is_filled_and_a_name_that_is_there_stays", "a_name_that_a_user_left_empty_is_filled"),
    ),
    Broken(
        "empty names are left empty",
        {FIRST: "first = first", LAST: "last = last"},
        ("an_empty_name_is_filled_and_a_name_that_is_there_stays", "a_name_that_a_user_left_empty_is_filled"),
    ),
    Broken(
        "addresses are compared with case",
        {PERSON_KEY: "address TEXT PRIMARY KEY"},
        ("somebody_whom_a_user_added_is_found_in_any_case", "a_person_deleted_under_another_case_stays_deleted"),
    ),
    Broken(
        "addresses have the length that a form allows",
        {PERSON_KEY: f"{PERSON_KEY} CHECK (length(address) <= 254)"},
        ("the_longest_names_and_addresses_stop_no_batch",),
    ),
    Broken(
        "names have the length that a form allows",
        {"first TEXT, last TEXT,": "first TEXT CHECK (length(first) <= 150), last TEXT,"},
        ("the_longest_names_and_addresses_stop_no_batch",),
    ),
    Broken(
        "addresses are patterns",
        {
            ENSURE: 'if not db.execute("SELECT 1 FROM person WHERE address LIKE ?", [who.address]).fetchone():\n'
            f"                    {ENSURE}"
        },
        ("addresses_that_look_alike_are_different_people",),
    ),
    Broken(
        "deleted people come back",
        {"    WHERE NOT deleted\n": "    , deleted = 0\n"},
        ("a_person_somebody_deleted_stays_deleted", "a_person_deleted_under_another_case_stays_deleted"),
    ),
    Broken(
        "mail of deleted people is refused",
        {
            ENSURE: 'if db.execute("SELECT 1 FROM person WHERE address = ? AND deleted", [who.address]).fetchone():\n'
            '                    db.execute("DELETE FROM link WHERE stream = ?", [name])\n'
            f"                {ENSURE}"
        },
        ("mail_of_a_deleted_person_still_comes_in",),
    ),
    Broken(
        "people go with their mail",
        {UNLINK: f'{UNLINK}\n                db.execute("DELETE FROM person")'},
        ("people_stay_when_their_mail_goes",),
    ),
)

VALUES = (
    Broken("headers are dropped", lossy('{"headers": ()}'), (EVERY_FIELD,)),
    Broken("references are sorted", lossy('{"references": tuple(sorted(record.references))}'), (EVERY_FIELD,)),
    Broken("the summary is dropped", lossy('{"summary": None}', "event"), (EVERY_FIELD,)),
    Broken(
        "text of three bytes a character",
        lossy('{"text": record.text and "".join(c for c in record.text if c < "\\U00010000")}'),
        ("text_of_any_script_comes_back",),
    ),
    Broken("no text is an empty text", lossy('{"text": record.text or ""}'), ("text_of_any_script_comes_back",)),
    Broken(
        "text is normalised",
        lossy('{"text": record.text and record.text.replace("e\\u0301", "\\u00e9")}'),
        ("text_of_any_script_comes_back",),
    ),
    Broken(
        "text is cut",
        lossy('{"text": record.text and record.text[:1_000_000]}'),
        ("a_body_of_five_megabytes_comes_back",),
    ),
    Broken(
        "times of whole seconds",
        lossy('{"date": record.date and record.date.replace(microsecond=0)}'),
        (TIMES, EVERY_FIELD),
    ),
    Broken(
        "times as floating point",
        lossy('{"date": record.date and type(record.at).fromtimestamp(record.at.timestamp(), record.at.tzinfo)}'),
        (TIMES,),
    ),
    Broken("times of the clock on the wall", lossy('{"start": record.at.replace(hour=0)}', "event"), (TIMES,)),
    Broken("a date is a midnight", lossy('{"start": record.at}', "event"), ("all_day_dates_stay_dates",)),
    Broken(
        "a midnight is a date",
        lossy('{"end": record.at.date() if record.at.hour == 0 else record.end}', "event"),
        ("all_day_dates_stay_dates",),
    ),
    Broken(
        "the first five hundred", {UPSERTS: UPSERTS.replace(":", "[:500]:")}, ("a_batch_may_hold_a_thousand_items",)
    ),
)
