"""The text part made of HTML reads like a mail and loses no address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails import plaintext
from emails.plaintext import text_from_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("   ", ""),
        ("<!-- nothing -->", ""),
        ("just text", "just text\n"),
        ("<p>a</p><p>b<br>c</p>", "a\n\nb\nc\n"),
        ("<h1>Wel<b>come</b></h1><p>Hi</p>", "Welcome\n\nHi\n"),
        ("<p>&lt;b&gt; &amp;amp; \u00e9&nbsp;&euro;&#8204;</p>", "<b> &amp; \u00e9 \u20ac\n"),
        ("<p>*not* _marked_ [up] # 1.</p>", "*not* _marked_ [up] # 1.\n"),
        ("<p>1. one</p><p>- two</p><p>+ three</p>", "1. one\n\n- two\n\n+ three\n"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two\n"),
        ("<ul><li>a<ul><li>b<br>c</ul><li>d</ul>e", "- a\n  - b\n    c\n- d\n\ne\n"),
        ("<ol><li>a<li>b</ol><ol start=9><li>c</ol>", "1. a\n2. b\n\n9. c\n"),
        ("<ul><li></li><li><p></p></li><li>one</li></ul>", "- one\n"),
        ("<blockquote><p>a<p>b<br>c</blockquote>d", "> a\n>\n> b\n> c\n\nd\n"),
        ("<pre>a = 1\n  b  = 2\n</pre>c", "a = 1\n  b  = 2\n\nc\n"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc\n"),
        ("a<br><br><br><br>b", "a\n\nb\n"),
        ("a <b> b</b>\n<i>c</i>d", "a b cd\n"),
        ("<p>a<hr>b", "a\n\n---\n\nb\n"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd\n"),
        ("a < b and b > a", "a < b and b > a\n"),
        ("<?xml version='1.0' encoding='latin-1'?><p>\u00e9</p>", "\u00e9\n"),
        ("<p>\ud800x</p>", "?x\n"),
    ],
)
def test_text_reads_like_mail(html, text):
    assert text_from_html(html) == text


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (
            '<a href="https://x.example/r?a=b&amp;c=d_e">Reset <b>it</b></a>.',
            "Reset it <https://x.example/r?a=b&c=d_e>.",
        ),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        (
            '<a href="https://x.example/(a)%20"><img src="x" alt="Shop"></a>',
            "Shop <https://x.example/(a)%20>",
        ),
        ('<a href="https://x.example/"></a>', "<https://x.example/>"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="mailto:a@b.example">Write</a>', "Write <mailto:a@b.example>"),
        ('<a href="#top">Top</a>', "Top"),
        ('<a name="x">Anchor</a>', "Anchor"),
        ('<a href=" https://x.example/a\n b ">Go </a>now', "Go <https://x.example/a b> now"),
        ('<a href="https://x.example/">Go<br></a>now', "Go <https://x.example/>\nnow"),
        (
            '<a href="https://a.example/">One<a href="https://b.example/">Two</a></a>',
            "One <https://a.example/>Two <https://b.example/>",
        ),
    ],
)
def test_address_of_a_link_follows_its_text(link, text):
    assert text_from_html(f"<p>{link}</p>") == text + "\n"


def test_long_lines_and_addresses_are_not_wrapped():
    address = "https://x.example/" + "a-b/" * 100
    line = "word " * 60 + "end"
    assert text_from_html(f'<p>{line} <a href="{address}">Go</a></p>') == f"{line} Go <{address}>\n"


def test_button_that_outlook_draws_in_another_way_keeps_its_link():
    html = (
        '<!--[if mso]><v:roundrect href="https://x.example/reset"><center>Reset</center>'
        '</v:roundrect><![endif]--><a href="https://x.example/reset" '
        'style="background:#28a;color:#fff;mso-hide:all;">Reset</a>'
    )
    assert text_from_html(html) == "Reset <https://x.example/reset>\n"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display: none; max-height: 0">SECRET</div>',
        '<div style="max-height:0; overflow:hidden">SECRET</div>',
        '<div style="VISIBILITY:hidden">SECRET<a href="https://x.example/">SECRET</a></div>',
        "<p hidden>SECRET</p>",
        "<p hidden>SECRET <span style='display:none'>SECRET</span></p>",
        "<style>SECRET{}</style>",
        "<script>SECRET</script>",
        "<template>SECRET</template>",
        "<!--[if mso]><p>SECRET</p><![endif]-->",
        "<!-- SECRET -->",
        '<img src="SECRET" width="1" height="1" alt="">',
    ],
)
def test_what_nobody_sees_is_left_out(hidden):
    html = f"<html><head><title>SECRET</title></head><body>{hidden}after</body></html>"
    assert text_from_html(html) == "after\n"


def test_data_rows_stand_on_a_line_each():
    rows = "<tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>\u20ac2</td></tr>"
    assert text_from_html(f"<table>{rows}</table>") == "Item | Price\nTea | \u20ac2\n"


def test_table_stands_by_itself_and_cells_without_text_leave_no_trace():
    row = "<td width=9></td><td>Tea</td><td>&nbsp;</td><td>2</td><td></td>"
    assert text_from_html(f"a<table><tr>{row}</tr></table>b") == "a\n\nTea | 2\n\nb\n"


def test_layout_table_leaves_no_trace():
    html = '<table role="presentation"><tr><td>Logo</td><td>Shop</td></tr></table>'
    assert text_from_html(html) == "Logo Shop\n"


def test_columns_of_several_lines_stand_below_each_other():
    html = '<table role="presentation"><tr><td>To<br>Ann</td><td>On<br>Monday</td></tr></table>'
    assert text_from_html(html) == "To\nAnn\nOn\nMonday\n"


def test_part_of_an_element_that_is_limited_in_height_is_shown():
    assert text_from_html('<p style="max-height:0.5em">a</p>') == "a\n"


def test_document_nested_deeper_than_mail_is_keeps_its_words():
    html = "<b>" * 300 + "<style>p{}</style><!-- x -->deep &amp;\n<a href=x>low</a>" + "</b>" * 300
    assert text_from_html(html) == "deep &\nlow\n"


HOSTILE = [
    '<a href="https://example.org/1">w</a> ',
    *("<td>x</td>", "<br>", "<tr><td>x<td>y", "<p hidden>x", "<b>", "</i>", "<div><div></b>"),
    *("<a ", "<a b='", "<!--", "<style>", "<script", "<", "&amp;", "&#", "<pre>\n", "\n", "</"),
    *("<li>x", "<ul><li>x</ul>", "<blockquote>x", "<table><tr><td>x", "<a href=x>", "<p a b c d"),
    *("<td>x</td><td><table><tr>", "<img alt=x>", "<p style='display", "<![CDATA[", "<?"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_two_megabytes_of_anything_are_read_in_time(piece):
    text = text_from_html(piece * (2_000_000 // len(piece)) + "end")  # minutes, if not linear
    assert len(text) < 4_000_000


WORD = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
INLINE = st.sampled_from(["<b>", "</b>", "<a href='/x'>", "</a>", "<span>", "</i>", " ", "&amp;"])
BLOCKS = ["p", "div", "ul", "ol", "li", "table", "tr", "td", "th", "h1", "pre", "blockquote"]
BLOCK = st.one_of(
    st.builds("<{}>".format, st.sampled_from(BLOCKS)),
    st.builds("</{}>".format, st.sampled_from(BLOCKS)),
    st.sampled_from(["<br>", "<hr>", "\xa0", "\u200c", "\n"]),
)


@given(st.lists(st.one_of(WORD, INLINE, BLOCK, WORD), max_size=30))
def test_every_word_is_there_in_its_order_and_no_line_is_ragged(pieces):
    text = text_from_html("<body>" + "".join(pieces))
    written = re.sub(r"</x>|-{3}|\d\. |[^a-z]", "", text.replace("</x>", ""))
    assert written == "".join(piece for piece in pieces if piece.isalpha())
    assert not re.search(r"[ \t]\n|\n\n\n|\A\n|[^\n]\Z", text)


@given(st.text(alphabet="<>/ab p&;#'\"=!-?\n\0\u20ac\ud800\U0001f600", max_size=60))
def test_anything_is_read_and_the_same_in_pieces(html):
    whole = text_from_html(html)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plaintext, "FED_AT_ONCE", 1)
        assert text_from_html(html) == whole
