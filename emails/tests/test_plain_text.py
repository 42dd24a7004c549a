"""The text part made of HTML reads like a mail and loses no address."""

import pytest

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
    ],
)
def test_address_of_a_link_follows_its_text(link, text):
    assert text_from_html(f"<p>{link}</p>") == text + "\n"


def test_long_lines_and_addresses_are_not_wrapped():
    address = "https://x.example/" + "a-b/" * 100
    line = "word " * 60 + "end"
    assert text_from_html(f'<p>{line} <a href="{address}">Go</a></p>') == f"{line} Go <{address}>\n"


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display: none; max-height: 0">SECRET</div>',
        '<span style="mso-hide:all">SECRET</span>',
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


def test_layout_table_leaves_no_trace():
    html = '<table role="presentation"><tr><td>Logo</td><td>Shop</td></tr></table>'
    assert text_from_html(html) == "Logo Shop\n"


@pytest.mark.parametrize(
    "piece",
    ['<a href="https://example.org/1">w</a> ', "<td>x</td>", "<br>", "<tr><td>x<td>y"],
)
def test_time_grows_no_faster_than_the_page(piece):
    assert text_from_html(piece * 10_000 + "end").endswith("end\n")  # minutes, when it did
