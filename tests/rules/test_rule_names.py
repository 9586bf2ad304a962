from __future__ import annotations

import re

import pytest
from any_values import NASTY
from hypothesis import given
from hypothesis import strategies as st

from crmsync.rules import person_name

ADDRESS = "first.last@x.example"


@pytest.mark.parametrize(("display", "first", "last"), [
    # Order and commas
    ("John Doe", "John", "Doe"),
    ("Doe, John", "John", "Doe"),
    ('"Doe, John"', "John", "Doe"),
    ('\\"Doe\\", John', "John", "Doe"),
    ("Doe,John", "John", "Doe"),
    ("Doe, John A.", "John A.", "Doe"),
    ("Smith, J", "J", "Smith"),
    ("J Smith", "J", "Smith"),
    ("John Q. Public", "John Q.", "Public"),
    ("J. R. R. Tolkien", "J. R. R.", "Tolkien"),
    ("E. E. Cummings", "E. E.", "Cummings"),
    ("Doe, John; Smith, Ann", "John", "Doe"),
    ("Иванов, Иван", "Иван", "Иванов"),
    # Capitals
    ("JOHN DOE", "John", "Doe"),
    ("john doe", "John", "Doe"),
    ("DOE, John", "John", "Doe"),
    ("John DOE", "John", "Doe"),
    ("DOE John", "John", "Doe"),
    ("DUPONT Jean-Pierre", "Jean-Pierre", "Dupont"),
    ("DE LA TOUR Jean", "Jean", "de la Tour"),
    ("Jean DE LA FONTAINE", "Jean", "de la Fontaine"),
    ("O'BRIEN, SEAN", "Sean", "O'Brien"),
    ("CONAN O'BRIEN", "Conan", "O'Brien"),
    ("RONALD MCDONALD", "Ronald", "McDonald"),
    ("Ronald McDonald", "Ronald", "McDonald"),
    ("JEAN-PIERRE DUPONT", "Jean-Pierre", "Dupont"),
    ("VAN GOGH, VINCENT", "Vincent", "van Gogh"),
    ("ВЛАДИМИР ПУТИЛИН", "Владимир", "Путилин"),
    ("IŞIK YILMAZ", "Işık", "Yılmaz"),
    ("İBRAHİM ÇELİK", "İbrahim", "Çelik"),
    ("JD", "JD", ""),
    ("JD Vance", "JD", "Vance"),
    ("Jack MA", "Jack", "Ma"),
    # Titles and what follows a name
    ("Dr. Anna Müller-Lüdenscheidt", "Anna", "Müller-Lüdenscheidt"),
    ("Prof. Dr. Hans Meier", "Hans", "Meier"),
    ("Prof. Dr. med. Eva Weiß", "Eva", "Weiß"),
    ("Dipl.-Ing. Karl Huber", "Karl", "Huber"),
    ("DR ANNA MEIER", "Anna", "Meier"),
    ("Meier, Dr. Anna", "Anna", "Meier"),
    ("Mr. Smith", "", "Smith"),
    ("Herr Meier", "", "Meier"),
    ("Sir Ian McKellen", "Ian", "McKellen"),
    ("Fr. Ted", "Ted", ""),
    ("HR Department", "HR", "Department"),
    ("John Smith Jr.", "John", "Smith"),
    ("Smith Jr., John", "John", "Smith"),
    ("Martin Luther King, Jr.", "Martin Luther", "King"),
    ("John Doe III", "John", "Doe"),
    ("Smith, John, PhD", "John", "Smith"),
    ("John Smith, Ph.D.", "John", "Smith"),
    ("John Smith, MBA, CFA", "John", "Smith"),
    ("John Doe MD", "John", "Doe"),
    ("Jack Ma", "Jack", "Ma"),
    ("Ma, Jack", "Jack", "Ma"),
    ("John Doe, CEO", "John", "Doe"),
    ("John Doe, Sales Manager at Acme", "John", "Doe"),
    # Particles, double names, apostrophes
    ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
    ("ludwig van beethoven", "Ludwig", "van Beethoven"),
    ("Beethoven, Ludwig van", "Ludwig", "van Beethoven"),
    ("Jan van der Berg", "Jan", "van der Berg"),
    ("Berg van der, Jan", "Jan", "van der Berg"),
    ("van den Berg, Anna", "Anna", "van den Berg"),
    ("Anna van den BERG", "Anna", "van den Berg"),
    ("van der Berg", "", "van der Berg"),
    ("Charles de Gaulle", "Charles", "de Gaulle"),
    ("de Gaulle, Charles", "Charles", "de Gaulle"),
    ("Leonardo da Vinci", "Leonardo", "da Vinci"),
    ("Maria Eduarda dos Santos", "Maria Eduarda", "dos Santos"),
    ("Juan de la Cruz García", "Juan", "de la Cruz García"),
    ("José Ortega y Gasset", "José", "Ortega y Gasset"),
    ("Osama bin Laden", "Osama", "bin Laden"),
    ("Mohammed Al-Fayed", "Mohammed", "Al-Fayed"),
    ("Jean St. John", "Jean", "St. John"),
    ("Van Morrison", "Van", "Morrison"),
    ("Al Gore", "Al", "Gore"),
    ("ben affleck", "Ben", "Affleck"),
    ("Seán Ó Briain", "Seán", "Ó Briain"),
    ("Mary-Jane Watson-Parker", "Mary-Jane", "Watson-Parker"),
    ("Jean-Pierre", "Jean-Pierre", ""),
    ("Charles d'Artagnan", "Charles", "d'Artagnan"),
    ("O‘Neil, Pat", "Pat", "O‘Neil"),
    ("McDonald", "McDonald", ""),
    ("Björk Guðmundsdóttir", "Björk", "Guðmundsdóttir"),
    # Other scripts and orders
    ("Владимир Путилин", "Владимир", "Путилин"),
    ("Иванов Иван Иванович", "Иван Иванович", "Иванов"),
    ("Иван Иванович Иванов", "Иван Иванович", "Иванов"),
    ("محمد بن سلمان", "محمد", "بن سلمان"),
    ("דוד בן גוריון", "דוד", "בן גוריון"),
    ("Σωκράτης Παπαδόπουλος", "Σωκράτης", "Παπαδόπουλος"),
    ("राज कुमार", "राज", "कुमार"),
    ("สมชาย ใจดี", "สมชาย", "ใจดี"),
    ("山田 太郎", "太郎", "山田"),
    ("山田太郎", "山田太郎", ""),
    ("佐々木 一郎", "一郎", "佐々木"),
    ("山田 太郎 (ABC株式会社)", "太郎", "山田"),
    ("スティーブ・ジョブズ", "スティーブ", "ジョブズ"),
    ("김민수", "민수", "김"),
    ("김 민수", "민수", "김"),
    ("남궁민수", "민수", "남궁"),
    ("스티브 잡스", "스티브", "잡스"),
    ("王小明", "王小明", ""),
    ("Nguyễn Văn An", "Văn An", "Nguyễn"),
    ("Lê An", "An", "Lê"),
    ("An Nguyễn", "An", "Nguyễn"),
    # What is not the name
    ("Sinterklaas (ACME)", "Sinterklaas", ""),
    ("Müller, Anna (HR-5)", "Anna", "Müller"),
    ("Ann (my comment) Smith", "Ann", "Smith"),
    ("[External] John Doe", "John", "Doe"),
    ("EXTERNAL: John Doe", "John", "Doe"),
    ("John Doe [ACME]", "John", "Doe"),
    ("'Ann' via Sales", "Ann", ""),
    ("Ann Smith via DocuSign", "Ann", "Smith"),
    ("John Doe on behalf of Acme", "John", "Doe"),
    ("Anna from Notion", "Anna", ""),
    ("John Doe - Acme", "John", "Doe"),
    ("John Doe | Acme", "John", "Doe"),
    ("John Doe – Acme Corp.", "John", "Doe"),
    ("John Doe :GROUP", "John", "Doe"),
    ("Support Team :GROUP", "Support", "Team"),
    ("🎉 Ann Smith 🎉", "Ann", "Smith"),
    ("Ann\u202e Smith\u200b", "Ann", "Smith"),
    ("Ann <ann@x.com>", "Ann", ""),
    ('"John Doe (john@x.com)"', "John", "Doe"),
    ('John "Johnny" Doe', "John", "Doe"),
    ("John  \t Doe", "John", "Doe"),
    ("John\u00a0Doe", "John", "Doe"),
    ("john_doe", "John", "Doe"),
    ("Ann & Bob Smith", "Ann & Bob", "Smith"),
    ("Anna und Bob", "Anna und Bob", ""),
    # Companies
    ("ACME, Inc.", "ACME, Inc.", ""),
    ("ACME Inc.", "ACME Inc.", ""),
    ("Acme GmbH & Co. KG", "Acme GmbH & Co. KG", ""),
    ("BMW AG", "BMW AG", ""),
    ("Booking.com", "Booking.com", ""),
    ("Maria Sa", "Maria", "Sa"),
    # Nothing usable: the address tells
    ("", "First", "Last"),
    ("   ", "First", "Last"),
    ("😀", "First", "Last"),
    ("1234", "First", "Last"),
    ("+49 30 1234", "First", "Last"),
    ("....", "First", "Last"),
    ("'", "First", "Last"),
    ("ann@x.com", "First", "Last"),
    ("'ann@x.com'", "First", "Last"),
    ("<ann@x.com>", "First", "Last"),
    ("First.Last", "First", "Last"),
    ("=?utf-8?q?J?=", "First", "Last"),
])  # fmt: skip
def test_a_display_name_is_split_as_its_bearer_would(display: str, first: str, last: str) -> None:
    name = person_name(display, ADDRESS)

    assert (first, last) == (name.first, name.last)


@pytest.mark.parametrize(("address", "first", "last"), [
    ("first.last@x.example", "First", "Last"),
    ("FIRST.LAST@X.EXAMPLE", "First", "Last"),
    ("first_last@x.example", "First", "Last"),
    ("ann.b.smith@x.example", "Ann B", "Smith"),
    ("first.last+tag@x.example", "First", "Last"),
    ("first.last99@x.example", "First", "Last"),
    ("j.doe@x.example", "J", "Doe"),
    ("m.van.der.berg@x.example", "M", "van der Berg"),
    ("ann-marie.o'neil@x.example", "Ann-Marie", "O'Neil"),
    ("a..b@docomo.ne.jp", "A", "B"),
    ("иван.петров@x.example", "Иван", "Петров"),
    ("strauß@x.example", "Strauß", ""),
    ("jdoe@x.example", "Jdoe", ""),
    ("info@x.example", "Info", ""),
    ("123@x.example", "123", ""),
    ('"a b"@x.example', "A", "B"),
    ("'quoted'@x.example", "Quoted", ""),
    ("undisclosed-recipients:", "", ""),
    (".@x.example", "", ""),
    ("+@x.example", "", ""),
    ("@", "", ""),
    ("", "", ""),
])  # fmt: skip
def test_without_a_name_the_address_tells(address: str, first: str, last: str) -> None:
    name = person_name(None, address)

    assert (first, last) == (name.first, name.last)


@pytest.mark.parametrize(("display", "address", "full"), [
    ("Acme | John Doe", "john.doe@acme.example", "John Doe"),
    ("Acme - John Doe", "jdoe@acme.example", "John Doe"),
    ("John Doe | Acme", "info@acme.example", "John Doe"),
    ("Acme | Sales", "hello@acme.example", "Acme"),
])  # fmt: skip
def test_of_two_halves_the_one_that_the_address_repeats_is_the_name(display: str, address: str, full: str) -> None:
    assert full == str(person_name(display, address))


def test_a_hostile_name_of_ten_thousand_letters_is_cut() -> None:
    for hostile in ("(" * 10_000, "a\u0301" * 10_000, "a," * 5_000, "x" * 10_000, "' \"" * 4_000, "van " * 3_000):
        assert 450 > len(str(person_name(hostile, ADDRESS)))
    assert 450 > len(str(person_name(None, "a." * 9_000 + "@x.example")))


@given(st.none() | NASTY | st.text("aB .,'-\"()|&@:;・김山ß", max_size=14), NASTY | st.just(ADDRESS))
def test_any_text_gives_one_clean_line_and_always_the_same(display: str | None, address: str) -> None:
    name = person_name(display, address)

    assert name == person_name(display, address)
    for part in (name.first, name.last):
        assert part == part.strip()
        assert not re.search(r"[\x00-\x1f\x7f]", part)


@given(
    st.sampled_from(["Ann", "Jean-Pierre", "Zoë", "Владимир"]),
    st.sampled_from(["Doe", "O'Brien", "von Ahn", "Ó Briain"]),
)
def test_both_usual_orders_give_the_same_name(first: str, last: str) -> None:
    straight = person_name(f"{first} {last}", ADDRESS)

    assert (first, last) == (straight.first, straight.last)
    assert straight == person_name(f"{last}, {first}", ADDRESS)


@pytest.mark.parametrize(("display", "address", "first", "last"), [
    # What follows a comma is a firm or a job, or more given names
    ("Ann Lee, Acme Inc.", "al@acme.example", "Ann", "Lee"),
    ("Ann Lee, Acme GmbH", "al@acme.example", "Ann", "Lee"),
    ("Ann Lee, Partner", "al@acme.example", "Ann", "Lee"),
    ("Ann Lee, Head of Sales", "al@acme.example", "Ann", "Lee"),
    ("John Doe, CEO Acme", "jd@acme.example", "John", "Doe"),
    ("Acme GmbH, Ann Lee", "al@acme.example", "Ann", "Lee"),
    ("Doe, John, Patrick", "jd@acme.example", "John Patrick", "Doe"),
    ("Doe, John, Acme GmbH", "jd@acme.example", "John", "Doe"),
    ("Garcia Lopez, Maria", "m@acme.example", "Maria", "Garcia Lopez"),
    # Symbols between words
    ("Acme\u23a5Ann Lee", "ann@acme.example", "Ann", "Lee"),
    ("Ann Lee\uff5cAcme", "ann@acme.example", "Ann", "Lee"),
    ("Ann Lee \u2666 Acme", "al@acme.example", "Ann", "Lee"),
    ("Ann Lee @ Acme", "al@acme.example", "Ann", "Lee"),
    ("Ann\u2605Lee", "al@acme.example", "Ann", "Lee"),
    ("Ann\U0001f389Lee", "al@acme.example", "Ann", "Lee"),
    ("Ann+Lee", "al@acme.example", "Ann", "Lee"),
    ("Ann Lee\u00ae", "al@acme.example", "Ann", "Lee"),
    # Dots
    ("Ann.Lee", "x@acme.example", "Ann", "Lee"),
    ("ann.lee", "x@acme.example", "Ann", "Lee"),
    ("John.Doe Smith", "jd@acme.example", "John Doe", "Smith"),
    ("J.R.R. Tolkien", "t@acme.example", "J.R.R.", "Tolkien"),
    ("Dr.Smith", "s@acme.example", "", "Smith"),
    # Groups, addresses, and half a name
    ("Jane:GROUP Smith", "j@acme.example", "Jane", "Smith"),
    ("ann.lee@acme.example Sales", "ann.lee@acme.example", "Ann", "Lee"),
    ("Ann", "ann.lee@acme.example", "Ann", "Lee"),
    ("Lee", "ann.lee@acme.example", "Ann", "Lee"),
    ("Ann", "ann.sales@acme.example", "Ann", ""),
    ("Ann", "ann@acme.example", "Ann", ""),
])  # fmt: skip
def test_what_stands_beside_a_name_is_not_of_it(display: str, address: str, first: str, last: str) -> None:
    name = person_name(display, address)

    assert (first, last) == (name.first, name.last)


@pytest.mark.parametrize("display", [
    "null", "null null", "undefined undefined", "Unknown", "N/A", "unbekannt", "https://acme.example",
    "www.acme.example", "+49 170 1234567", "/o=Acme/ou=Exchange/cn=ann", "ann.lee@acme.example (Ann Lee)",
])  # fmt: skip
def test_what_programs_write_where_a_name_is_missing_is_none(display: str) -> None:
    assert str(person_name(display, "ann.lee@acme.example")) == "Ann Lee"


@pytest.mark.parametrize("display", [
    "Ann Lee she/her", "Ann Lee - she/they", "Ann Lee, sie/ihr", "Ann Lee +49 170 1234567", "Ann Lee tel. 555-123-4567",
    "Ann Lee www.acme.example", "Ann Lee https://acme.example/ann", "Ann Lee @Acme", "Ann Lee EXT",
    "Ann Lee -X (alee - ACME INC at Cisco)", "Lee, Ann /DE", "Lee, Ann, Dr.", "Lee,Ann Prof. Dr.", "*Ann Lee*",
    "#Ann Lee", "Ann Lee!", "Ann Lee...", "Ann Lee:", "Ann \U0001f600 Lee", "Ann Lee, Gründerin",
    "Ann Lee, Acme Sp. z o.o.", "Ann Lee, Acme s.r.o.", "Ann null Lee",
])  # fmt: skip
def test_pronouns_numbers_links_and_ornaments_are_not_of_a_name(display: str) -> None:
    assert str(person_name(display, "al@acme.example")) == "Ann Lee"


def test_an_address_tells_whether_a_whole_name_stands_before_a_comma() -> None:
    assert str(person_name("Ann Lee, Berlin", "ann.lee@acme.example")) == "Ann Lee"
    assert str(person_name("Garcia Lopez, Maria", "maria.garcia@acme.example")) == "Maria Garcia Lopez"


@pytest.mark.parametrize("firm", ["Acme Sp. z o.o.", "Acme s.r.o.", "Acme d.o.o.", "ООО Ромашка", "株式会社 アクメ"])
def test_a_firm_is_no_person_in_other_countries_either(firm: str) -> None:
    assert (firm, "") == (person_name(firm, "i@acme.example").first, person_name(firm, "i@acme.example").last)


def test_an_initial_before_a_surname_stands_apart() -> None:
    assert ("J.", "Smith") == (person_name("J.Smith", "s@x.example").first, person_name("J.Smith", "s@x.example").last)
