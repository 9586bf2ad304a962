from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats import html_to_text, sanitize_html, split_reply


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain words", "plain words"),
        ("<p>one\n  two</p><p>three</p>", "one two\n\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br/><BR>three<br><br><br>four", "one\ntwo\n\nthree\n\nfour"),
        ("<div>one<br></div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("a <b>bold</b><i>it</i> <span style='x'>word</span>", "a boldit word"),
        ("<b><i>x</i></b> <SPAN>y</SPAN>", "x y"),
        ("<ul><li>one<li>two<ul><li>deep</li></ul></li></ul>after", "- one\n- two\n  - deep\n\nafter"),
        ("<ol><li>one</li><li><p>two</p></li></ol>", "1. one\n\n2. two"),
        ("<li>alone", "- alone"),
        ("<table><tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>3</td></tr></table>", "Item  Price\nTea  3"),
        ("<pre>  a\n\tb  c\n</pre>d", "  a\n    b  c\n\nd"),
        ("a<hr>b", "a\n\nb"),
        ("&lt;tag&gt; &amp;&nbsp;&#228;&#xe4; &euro;", "<tag> & ää €"),
        ("&#99999999999;x&#0;y", "\ufffdx\ufffdy"),
        ("a&nbsp;&nbsp;b", "a  b"),
        ("in\u00advi\u200bsible\ufeff", "invisible"),
        (
            "<p class=MsoNormal>one</p><p class=MsoNormal>two</p><p class='MsoNormal'>&nbsp;</p>"
            "<p class=MsoNormal>three",
            "one\ntwo\n\nthree",
        ),
        ("a < b and c > d", "a < b and c > d"),
        ("1 <2", "1 <2"),
        ("a <!-- b > --> c<!-- never ended <p>", "a c"),
        ("a<!DOCTYPE html><?xml x?></ junk>b", "ab"),
        ("<![if !mso]>shown<![endif]><!--[if mso]>hidden<![endif]-->", "shown"),
        ("<head><title>t</title><style>p>b{x}</style></head><body>x", "x"),
        ("<script>if (a</b) {'</p>'}</script>x", "x"),
        ("<SCRIPT>a</SCRIPT >x<style>never ended", "x"),
        ("<textarea><p>x</textarea>y", "y"),
        ("<svg><text>x</text></svg><object>x</object>y", "y"),
        ("<p a='>' b=\">\" c>x</p>", "x"),
        ("<p a='never closed>x", "x"),
        ("<o:p></o:p><w:Sdt>x</w:Sdt>", "x"),
        ("", ""),
    ],
)
def test_html_becomes_readable_text(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://x.example/1">here</a>', "here <https://x.example/1>"),
        ("<a href=https://x.example/?a=1&amp;b=2>here</a>", "here <https://x.example/?a=1&b=2>"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ('<a href="https://www.x.example/">X.example</a>', "X.example"),
        ('<a href="mailto:ann@x.example">Ann</a>', "Ann"),
        ('<a href="javascript:x()">Ann</a>', "Ann"),
        ("<a name=x>Ann</a>", "Ann"),
        ('<a href="https://x.example/"><img src=x></a>', ""),
        ('<a href="https://x.example/"><div>block</div></a>after', "block <https://x.example/>\nafter"),
        (
            '<a href="https://x.example/">one<a href="https://y.example/">two',
            "one <https://x.example/>two <https://y.example/>",
        ),
        ("<a data-href=\"https://y.example\" HREF='https://x.example/1\n2'>z</a>", "z <https://x.example/12>"),
    ],
)
def test_the_address_of_a_link_follows_its_text_where_it_says_more(html: str, text: str) -> None:
    assert text == html_to_text(html)


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">secret <div>more</div> secret</div>',
        '<div style="color:red;DISPLAY : None !important">secret</div>',
        '<span style="visibility:hidden">secret <span>x</span> secret</span>',
        "<p hidden>secret",
        "<table><tr style='display:none'><td>secret<table><tr><td>x</table></tr></table>",
        "<table><tr><td style='display:none'>secret<table><tr><td>x</table><td></table>",
        "<ul><li hidden>secret<ul><li>x</ul></ul>",
        "<template>secret</template>",
    ],
)
def test_what_is_hidden_is_left_out(hidden: str) -> None:
    assert "before\n\nshown" == html_to_text(f"<p>before</p>{hidden}<p>shown</p>")


def test_what_is_not_hidden_stays() -> None:
    assert "a b c" == html_to_text(
        '<span class="hidden-xs">a</span> <b aria-hidden="true">b</b> <i style="display:inline">c</i>'
    )


def test_an_element_that_never_ends_hides_the_rest_but_not_everything() -> None:
    assert "before" == html_to_text("before<div style='display:none'>rest")
    assert "all hidden" == html_to_text("<div style='display:none'>all hidden")


def test_pictures_speak_only_where_nothing_else_does() -> None:
    assert "text" == html_to_text("text<img alt='Logo'>")
    assert "Big sale" == html_to_text("<img alt='Big sale'><img>")


def test_a_quotation_is_marked_so_that_it_can_be_split_off() -> None:
    quotation = "<blockquote>one<blockquote>two<br><br>three</blockquote></blockquote>"
    html = f"Yes.<br><div>On 5 Jan 2009, Ann wrote:<br></div>{quotation}"

    assert "Yes.\nOn 5 Jan 2009, Ann wrote:\n\n> one\n>\n> > two\n> >\n> > three" == html_to_text(html)
    assert "Yes." == split_reply(html_to_text(html)).text


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<blockquote>x",
        '<a ">" ',
        "<",
        "<a ",
        "<!--",
        "<style>",
        "&",
        "&#9",
        " ",
        "<br> ",
        "<b> </b>",
        "<a href='x\">",
        "<ul><li>",
        "<a href=http://x>",
        "<pre> \n",
        "<p style=display:none>",
        "&amp",
        "<td>",
        "<a '\">\"'",
        "</",
        "<x hidden>",
        "<div hidden>x</div>",
    ],
)
def test_a_long_run_of_hostile_html_takes_linear_time_and_space(unit: str) -> None:
    html = unit * (300_000 // len(unit))

    assert len(html_to_text(html)) < 10 * len(html)
    assert isinstance(sanitize_html(html), str)


def test_a_character_reference_of_a_megabyte_is_one_character() -> None:
    assert "\ufffd" == html_to_text("&#" + "9" * 1_000_000)


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<p onclick=x()>a</p>", "<p>a</p>"),
        ("<script>x()</script><style>x</style><p>a</p>", "<p>a</p>"),
        ("<form action=x><input name=y><button>a</button></form>", "a"),
        ("<iframe src=https://x.example></iframe><object data=x></object>a", "a"),
        ('<a href="javascript:x()">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="data:text/html,x">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="https://x.example">a</a>', '<a href="https://x.example" rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="mailto:a@x.example">a</a>', '<a href="mailto:a@x.example" rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="/relative">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<img src="cid:logo@x" alt="Logo">', '<img src="cid:logo@x" alt="Logo">'),
        ('<img src="data:image/png;base64,AAEC">', '<img src="data:image/png;base64,AAEC">'),
        ('<img src="data:image/svg+xml,x">', "<img>"),
        ('<img src="https://x.example/pixel.gif">', '<img data-remote-src="https://x.example/pixel.gif">'),
        ("<IMG width=1 SRC=//x.example/p>x", '<img width="1" data-remote-src="//x.example/p">x'),
        ('<img src="&#104;ttps://x.example/p">', "<img>"),
        ('<img srcset="https://x.example/p 2x" background=x>', "<img>"),
        (
            '<table background="https://x.example/p"><tr><td>a</td></tr></table>',
            "<table><tbody><tr><td>a</td></tr></tbody></table>",
        ),
        ('<p style="color:red;position:fixed">a</p>', '<p style="color:red">a</p>'),
        ('<p style="background-color:url(https://x.example/p)">a</p>', "<p>a</p>"),
        ('<p style="color:\\75rl(x)">a</p>', "<p>a</p>"),
        ("<svg><a xlink:href='javascript:x()'>a</a></svg>b", "b"),
        ("<!-- a --><p id=x class=y name=z>b</p>", "<p>b</p>"),
        ("<link rel=stylesheet href=https://x.example><meta http-equiv=refresh><base href=x>a", "a"),
        ("a\ud800b\x00", "ab"),
    ],
)
def test_html_is_made_safe_to_show(html: str, safe: str) -> None:
    assert safe == sanitize_html(html)


HOSTILE = {
    "nesting": "<div>" * 100_000 + "x",
    "formatting copied into every paragraph": "".join(f"<font color={n}>" for n in range(2_000)) + "<p>x" * 20_000,
    "attributes": "<div " + " ".join(f"a{n}=1" for n in range(50_000)) + ">x",
    "character references": "x&" * 200_000,
    "foreign elements": "<svg>" + "<td>" * 100_000 + "x",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_document_that_would_stall_a_parser_comes_back_as_its_text(html: str) -> None:
    safe = sanitize_html(html)

    assert safe.startswith("<pre>")
    assert len(safe) < 20 * len(html)


def test_deep_but_honest_html_is_still_html() -> None:
    html = "<div><blockquote>" * 200 + "x" + "</blockquote></div>" * 200

    assert html == sanitize_html(html)
    assert "<p>" in sanitize_html("<p>x<li>y<td>" * 5_000)


HTML = st.lists(
    st.sampled_from(
        [
            "<",
            ">",
            "p",
            "<p>",
            "</p>",
            "<b",
            " style='display:none'",
            '"',
            "'",
            "=",
            "&",
            "&amp;",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<a href=http://x>",
            "</a>",
            "<blockquote>",
            "<li>",
            "<pre>",
            "\n",
            "x ",
            "\ud800",
            "<br>",
            "<td>",
        ]
    ),
    max_size=40,
).map("".join)


@given(HTML)
def test_any_html_becomes_text_without_markers(html: str) -> None:
    assert "\ufdd0" not in html_to_text(html)


@given(HTML)
def test_sanitised_html_has_nothing_that_runs_or_loads(html: str) -> None:
    safe = sanitize_html(html).lower()

    assert "<script" not in safe
    assert " src=" not in safe


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=10), min_size=1, max_size=8
    )
)
def test_no_word_of_a_body_is_lost(words: list[str]) -> None:
    tags = ["p", "div", "li", "td", "b", "blockquote", "h1", "pre"]
    html = " ".join(f"<{tags[n % 8]}>{word}</{tags[n % 8]}>" for n, word in enumerate(words))

    assert words == [word for word in html_to_text(html).split() if word not in (">", "-")]


@pytest.mark.parametrize(("html", "text"), [
    ("Hello<!-- x --!><p>the offer</p>", "Hello\n\nthe offer"),
    ("Hello<!--><p>the offer</p>", "Hello\n\nthe offer"),
    ("Hello<!---><p>the offer</p>", "Hello\n\nthe offer"),
    ("Hello<!--!> x --><p>the offer</p>", "Hello\n\nthe offer"),
    ("Hello<!-- x --!><!-- y --><p>the offer</p>", "Hello\n\nthe offer"),
])  # fmt: skip
def test_a_comment_ends_where_the_html_standard_says(html: str, text: str) -> None:
    assert text == html_to_text(html)


def test_numbers_of_lists_go_on_where_the_document_says() -> None:
    assert "1. first\n\na remark\n\n2. second" == html_to_text(
        '<ol><li>first</li></ol><p>a remark</p><ol start="2"><li>second</li></ol>'
    )
    assert "7. a\n8. b\n3. c" == html_to_text("<ol start=7><li>a<li>b<li value='3'>c</ol>")
    assert "1. a" == html_to_text("<ol start=x><li value=>a</ol>")


HIDING = [
    "display:none", "display : NONE !important", "visibility:hidden", "max-height:0;overflow:hidden",
    "height:0px;overflow:hidden", "opacity:0", "opacity: 0.0", "position:absolute;left:-9999px", "text-indent:-9999px",
]  # fmt: skip


@pytest.mark.parametrize("style", HIDING)
def test_what_an_element_hides_is_in_neither_the_text_nor_the_safe_html(style: str) -> None:
    html = f'<div style="{style}">Preview <img src="https://x.example/1"><p>of it</p></div><p>Hello</p>'

    assert "Hello" == html_to_text(html)
    assert "<p>Hello</p>" == sanitize_html(html)


def test_hidden_rows_and_attributes_go_from_the_safe_html_too() -> None:
    html = "<p hidden>a</p><table><tr style='display:none'><td>mobile</td></tr><tr><td>desktop</td></tr></table>"

    assert "desktop" == html_to_text(sanitize_html(html))


@pytest.mark.parametrize("style", [
    "opacity:0.5", "max-height:0", "height:0", "max-height:10px;overflow:hidden", "left:-10px", "overflow:hidden",
    "line-height:0;overflow:hidden",
])  # fmt: skip
def test_what_only_looks_hidden_shows(style: str) -> None:
    html = f'<div style="{style}">Hello</div><p>you</p>'

    assert "Hello" in html_to_text(html)
    assert "Hello" in sanitize_html(html)


def test_a_mail_that_hides_all_of_itself_shows_it() -> None:
    assert "Hello" in sanitize_html('<div style="display:none">Hello</div>')


@pytest.mark.parametrize("source", [
    "/api/contacts/delete-all", "javascript:alert(1)", "file:///etc/passwd", "https:/api", "https:api", "///x", "//",
    "\\\\x.example\\1", "data:text/html,x", "//\\x", "",
])  # fmt: skip
def test_a_sender_s_own_address_to_load_has_to_be_a_whole_one(source: str) -> None:
    assert "<img>" == sanitize_html(f'<img data-remote-src="{source}">')


def test_whole_addresses_to_load_are_kept_for_whoever_asks_their_user() -> None:
    for source in ("https://x.example/1", "HTTP://x.example/1", "//x.example/1"):
        assert f'<img data-remote-src="{source}">' == sanitize_html(f'<img src="{source}">')
        assert f'<img data-remote-src="{source}">' == sanitize_html(f'<img data-remote-src=" {source} ">')


def test_a_direction_that_is_forced_is_not_kept() -> None:
    assert '<p dir="rtl">exe.fdp</p>' == sanitize_html('<p dir="rtl"><bdo dir="rtl">&#8238;exe.fdp\u202d</bdo></p>')
