from __future__ import annotations

import pytest

from crmsync.formats.mail.dates import parse_date


@pytest.mark.parametrize(("value", "expected"), [
    # RFC 5322, appendix A.5 and A.6.3
    ("Thu,      13     Feb          1969      23:32             -0330 (Newfoundland Time)", "1969-02-14T03:02"),
    ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06"),
    ("Mon, 5 Feb 2024\r\n\t       13:29:00 +0100", "2024-02-05T12:29"),
    # The month first, the time first, a year that comes last
    ("Sat, Apr 09 2005 06:39:52 -0700", "2005-04-09T13:39:52"),
    ("Mon Feb 05 2024 13:29:00 GMT+0100 (Central European Standard Time)", "2024-02-05T12:29"),
    ("February 5, 2024 1:29:00 PM EST", "2024-02-05T18:29"),
    ("13:29:00 5 Feb 2024", "2024-02-05T13:29"),
    ("Mon, 5 Feb 24 13:29", "2024-02-05T13:29"),
    # Offsets and halves of the day
    ("Tue, 24 Jul 2007 6:55:07 PM +0200", "2007-07-24T16:55:07"),
    ("Mon, 5 Feb 2024 12:05 am -0500", "2024-02-05T05:05"),
    ("Mon, 5 Feb 2024 13:29:00 +1:00", "2024-02-05T12:29"),
    ("Mon, 21 Aug 95 13:30:57 -600", "1995-08-21T19:30:57"),
    ("Mon, 5 Feb 2024 13:29:00 GMT+1", "2024-02-05T12:29"),
    ("Mon, 5 Feb 2024 13:29:00 UTC+01:00", "2024-02-05T12:29"),
    ("Mon, 5 Feb 2024 13:29:00 CET", "2024-02-05T12:29"),
    ("Mon, 5 Feb 2024 13:29:00+0100", "2024-02-05T12:29"),
    # Languages
    ("Mi, 15 Mai 2024 13:29:00 +0200", "2024-05-15T11:29"),
    ("Mi, 16 Okt 2024 13:29:00 +0200", "2024-10-16T11:29"),
    ("lun, 8 ene 2024 13:29:00 +0100", "2024-01-08T12:29"),
    ("mar. 5 mars 2024 13:29 +0100", "2024-03-05T12:29"),
    ("ter, 5 mar 2024 13:29:00 -0300", "2024-03-05T16:29"),
    ("pon., 5 lut 2024 13:29:00 +0100", "2024-02-05T12:29"),
    ("пн, 5 фев 2024 13:29:00 +0300", "2024-02-05T10:29"),
    ("ma 5 helmi 2024 13:29:00 +0200", "2024-02-05T11:29"),
    ("5 Şub 2024 13:29:00 +0300", "2024-02-05T10:29"),
    ("sábado, 5 de octubre de 2024 13:29:00 +0200", "2024-10-05T11:29"),
    ("2024年2月5日 13:29", "2024-02-05T13:29"),
    ("2024년 2월 5일 오후 1:29", "2024-02-05T13:29"),
    # Figures
    ("05.02.2024 13:29", "2024-02-05T13:29"),
    ("25/02/2024 13:29:00", "2024-02-25T13:29"),
    ("2/25/2024 1:29 PM", "2024-02-25T13:29"),
    ("2024/02/05 13:29:00 +0900", "2024-02-05T04:29"),
    ("05/02/2024 13:29:00", None),
    ("Mon, 5 Feb 2024 25:29:00 +0100", None),
    ("Mon, 5 Feb 2024", None),
])  # fmt: skip
def test_a_date_is_read_however_programs_and_countries_write_it(value: str, expected: str | None) -> None:
    found = parse_date(value)

    assert expected == (found and found.isoformat().removesuffix("+00:00").removesuffix(":00"))


@pytest.mark.parametrize("unit", ["(", ")", ":", "1", "1:", "1.", "a", "+", " ", "jan ", "1 1", "20年"])
def test_a_date_of_any_length_is_read_in_its_first_letters(unit: str) -> None:
    assert None is parse_date(unit * 100_000)
