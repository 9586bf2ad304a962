"""Four times the input takes about four times the work, whatever it is made of: by the square it would be sixteen.

What is counted is processor time of this thread, of both sizes in turn and the best of several; no wall clock.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from crmsync.formats import html_to_text, parse_message, sanitize_html, split_reply
from crmsync.formats.mail.addresses import addresses
from crmsync.formats.mail.charsets import decode_text
from crmsync.formats.mail.headers import decode_base64, decode_words, message_ids, parameters
from crmsync.formats.mail.uuencode import decode_uuencode, files_within
from crmsync.model import clean_address

SMALL, GROWTH = 24_000, 4
LINEAR, SQUARE = GROWTH, GROWTH**2

HTML = [
    '<a href="http://x.example/1">y</a> ', "<p>a", "<div hidden>", "<ol start=1><li>", "<!-- ", "<!-- --!>", "&amp;",
    "<td>1", "<blockquote>", "<a href=x>", "<", "</a>", '<img src="//x/1">', "<div style='opacity:0'>a</div>",
]  # fmt: skip
TEXT = [
    ":\n", "a:\n", "From:\n", "From: a@x\nDate: 5 Jan 2009 10:00\n", "> a\n", "> a\nb:\n", "--\n",
    "_____________________\n", "On 5 Jan 2009, <a@x> wrote:\n", "On 5 Jan 2009 <\n",
    "---- a ----\n", "| a | b |\n", "a@x:\n", "1 ", "：",
]  # fmt: skip
ADDRESSES = [
    "a@x.example, ", ".<.<", "<0", "<0>", '"', '\\"', "(", ")", "((", "<", "@", "a@", ",", "a b", "'a@x' ",
    "=?u?q?a@x?= ",
    '"a@x" <b>, ', "[", "]", ";:",
]  # fmt: skip
ADDRESS = ['"', '\\"', "(", ")", "<", "<a>", "@", " @ ", "&amp;", '"@"', "a.", "\u3002", "[", "imceasmtp-"]
OTHERS: list[tuple[Callable[[str], object], list[str]]] = [
    (lambda text: decode_base64(text.encode()), ["QUJD", "QQ==\n", "\n\n", "\n \n!", "---\n", "="]),
    (decode_words, ["=?utf-8?q?a?= ", "=?", "?=", "=?utf-8?q?", "=?a?b?"]),
    (parameters, ["; a=b", ';a="', " a=", "; a*0=b", "a ", '"', "'"]),
    (message_ids, ["<a@x> ", "<", ">", "a@x ", "=?"]),
    (lambda text: files_within(text.encode()), ["begin 644 x\n", "M\n", "begin 644 x\nM\nend\n", "`\n"]),
    (lambda text: b"".join(decode_uuencode([text.encode()])), ["M\n", "a", "begin 644 x\n"]),
    (lambda text: decode_text(text.encode("utf-8"), "iso-2022-jp"), ["\x1b$B2q", "\x1b(B", "\x1b$B2", "é", "2q"]),
    (lambda text: parse_message(f"Content-Type: multipart/mixed; boundary=b\n\n{text}".encode()), [
        "--b\n", "--b--\n", "--b\n\n--b--\n",
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c--\n", "begin 644 x\n",
    ]),
    (lambda text: parse_message(f"Subject: x\n{text}".encode()), ["To: a@x\n", " a\n", "a\n", "References: <a@x>\n"]),
]  # fmt: skip

CASES = [
    # What joins what is written at each link shows in long lines only.
    (lambda text: html_to_text(text * 4), HTML[0]),
    *((html_to_text, unit) for unit in HTML),
    *((sanitize_html, unit) for unit in HTML),
    *((split_reply, unit) for unit in TEXT),
    *((addresses, unit) for unit in ADDRESSES),
    *((clean_address, unit) for unit in ADDRESS),
    *((read, unit) for read, units in OTHERS for unit in units),
]


def cost(read: Callable[[str], object], text: str) -> float:
    start = time.thread_time()
    read(text)
    return time.thread_time() - start


@pytest.mark.parametrize(
    ("read", "unit"), CASES, ids=[f"{number}-{unit!r}"[:40] for number, (_, unit) in enumerate(CASES)]
)
def test_the_work_grows_with_the_input_and_not_with_its_square(read: Callable[[str], object], unit: str) -> None:
    small, large = unit * (SMALL // len(unit)), unit * (SMALL // len(unit) * GROWTH)
    read(unit)
    gc.disable()
    try:
        ratios = []
        for _ in range(4):
            little = cost(read, small)
            much = cost(read, large)
            ratios.append(much / max(little, 1e-4))
            if ratios[-1] < (LINEAR + SQUARE) / 2:
                break
    finally:
        gc.enable()

    assert min(ratios) < (LINEAR + SQUARE) / 2
