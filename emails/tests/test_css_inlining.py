"""Rules reach the elements, nothing reaches the network, and the rest of the mail stays."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from emails.inlining import inline_css
from emails.start_tags import start_tags

MAIL = """<!DOCTYPE html>
<html lang="en"><head><title>a <b> c</title>
<!--[if mso]><style>p { color: black }</style><p style="x">&nbsp;</p><![endif]-->
<style>
.a { color: red; font-family: "Segoe UI", Arial; mso-line-height-rule: exactly }
a:hover { color: blue }
@media (max-width: 600px) { .a { color: green; width: 100% !important } }
@font-face { font-family: x; src: url(https://x.example/y.woff) }
</style></head>
<body><![if !mso]><p CLASS=a style='margin:0;color:"x"'>&nbsp;\u00e9&amp;</p><![endif]>
<!--[if !mso]><!-->
<a href="https://x.example/?a[b]={c}&amp;d=e f|\u00fc" title=it's>x</a><!--<![endif]-->
<img class="a" src=x.png /><br/>{{ not_a_tag }}</body></html>"""


class Listener:
    """A loopback web server that remembers what was asked of it."""

    def __init__(self):
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"p { color: green }")

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    "source",
    [
        '<style>@import url("{address}/a.css"); p {{ margin: 0 }}</style><p>x</p>',
        '<style>@import "{address}/a.css" screen; p {{ margin: 0 }}</style><p>x</p>',
        '<link rel="stylesheet" href="{address}/a.css"><style>p {{ margin: 0 }}</style><p>x</p>',
        '<base href="{address}"><link rel=stylesheet href=a><style>p{{margin:0}}</style><p>x</p>',
        "<style>p {{ margin: 0; background: url({address}/a.png) }}</style><p>x</p>",
        '<!DOCTYPE html SYSTEM "{address}/a.dtd"><style>p {{ margin: 0 }}</style><p>x</p>',
    ],
)
def test_nothing_is_fetched_from_the_network(source):
    with Listener() as listener:
        inlined = inline_css(source.format(address=listener.url))
    assert listener.asked == []
    assert '<p style="margin:0' in inlined
    assert "green" not in inlined


@pytest.mark.parametrize(
    "rule", ['@import "file://{path}";', '@import "{path}";', "@import url({path});"]
)
def test_nothing_is_read_from_files(rule, tmp_path):
    path = tmp_path / "secret.css"
    path.write_text("p { content: 'secret' }")
    inlined = inline_css(f"<style>{rule.format(path=path)} p {{margin:0}}</style><p>x</p>")
    assert "content" not in inlined
    assert '<p style="margin:0"' in inlined


@pytest.mark.parametrize(
    "html",
    [
        "",
        "plain text",
        "<p style='color:red'>Hi</p>",
        '<P>\r\n&nbsp;<a href="{{ url }}">x</a><br/>',
        "<!-- <style>p { color: red }</style> --><p>x</p>",
        "<!--[if mso]><style>p { color: red }</style><![endif]--><p>x</p>",
        "<textarea><style>p { color: red }</style></textarea><p>x</p>",
        "<style></style><p>x</p>",
        "<style>.nobody { color: red }</style><p>x</p>",
        "<styles>p { color: red }</styles><p>x</p>",
    ],
)
def test_mail_without_rules_for_it_is_returned_byte_for_byte(html):
    assert inline_css(html) == html


def test_only_styles_are_added_and_only_rules_that_hold_sometimes_gain_priority():
    style = "color:red; font-family:'Segoe UI', Arial; mso-line-height-rule:exactly"
    expected = (
        MAIL.replace(
            "style='margin:0;color:\"x\"'", f'style="{style}; margin:0;color:&quot;x&quot;"'
        )
        .replace('<img class="a"', f'<img style="{style}" class="a"')
        .replace("{ color: blue }", "{ color: blue !important }")
        .replace("{ color: green;", "{ color: green !important;")
    )
    assert inline_css(MAIL) == expected


def test_fragment_gets_no_html_head_or_body():
    fragment = "<style>p{color:red}</style><p>one<p>two"
    assert inline_css(fragment) == (
        '<style>p{color:red}</style><p style="color:red">one<p style="color:red">two'
    )


def test_colour_with_spaces_is_inlined_as_old_clients_read_it_and_kept_as_written():
    inlined = inline_css(
        "<style>p{color:rgb(0 0 0 / 50%);background:hsl(120deg 50% 50%)}</style><p>"
    )
    assert 'style="color:rgba(0, 0, 0, 0.5); background:hsl(120, 50%, 50%)"' in inlined
    assert "{color:rgb(0 0 0 / 50%);background:hsl(120deg 50% 50%)}" in inlined


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("@media print{a{b:c}}", "@media print{a{b:c !important}}"),
        (
            "@media print{a{b:c;d:e ! important ;}}",
            "@media print{a{b:c !important;d:e ! important ;}}",
        ),
        ("@supports (a:b){a{b:c}}", "@supports (a:b){a{b:c !important}}"),
        (
            "@media print{a{b:url(data:x;base64,y)}}",
            "@media print{a{b:url(data:x;base64,y) !important}}",
        ),
        (
            "@media print{a{b:';}' /* ; */}}",
            "@media print{a{b:';}' !important /* ; */}}",
        ),
        ("a:hover,b{c:d}", "a:hover,b{c:d !important}"),
        ("a:link{c:d}", "a:link{c:d}"),
        ("@font-face{a:b}", "@font-face{a:b}"),
        ("@media print{@font-face{a:b}}", "@media print{@font-face{a:b}}"),
        ("@keyframes x{from{a:b}}", "@keyframes x{from{a:b}}"),
        ("@media print{a{animation:important}}", "@media print{a{animation:important !important}}"),
        ("/* a:hover{ */ a{b:c}", "/* a:hover{ */ a{b:c}"),
    ],
)
def test_kept_rules_gain_priority_only_where_inlined_ones_would_always_win(css, kept):
    sheet = "<style>p{x:y}" + css + "</style><p>"
    assert inline_css(sheet) == "<style>p{x:y}" + kept + '</style><p style="x:y">'


def test_sheet_for_another_medium_is_kept_with_priority_and_not_inlined():
    html = '<style>p{x:y}</style><style media="(width: 9px)">p{a:b}</style><p>'
    assert inline_css(html) == (
        '<style>p{x:y}</style><style media="(width: 9px)">p{a:b !important}</style><p style="x:y">'
    )


def test_own_style_of_an_element_wins_and_stays_as_written():
    html = (
        '<style>#i.c{color:red!important}</style><p id="i" class="c" style="COLOR : blue;x:&apos;">'
    )
    assert inline_css(html).endswith('style="color:red; COLOR : blue;x:&apos;">')


def test_more_specific_rule_wins():
    html = "<style>#i{a:1} .c{a:2} p{a:3}</style><p id=i class=c><p class=c><p>"
    assert inline_css(html).endswith(
        '<p style="a:1" id=i class=c><p style="a:2" class=c><p style="a:3">'
    )


@pytest.mark.parametrize(
    ("rules", "style"),
    [
        ("p{padding:0;padding-left:5px} .c{padding:9px}", "padding-left:5px; padding:9px"),
        ("p{padding-left:5px} .c{padding:9px}", "padding-left:5px; padding:9px"),
        ("p{padding:0} .c{padding-left:9px}", "padding:0; padding-left:9px"),
        ("p{a:1;b:2} .c{a:3}", "b:2; a:3"),
        ("p{--x:1;content:'; -r1-y:z'}", "--x:1; content:'; -r1-y:z'"),
        ("p{color:red!important} .c{color:blue}", "color:red"),
    ],
)
def test_later_shorthand_wins_over_earlier_longhand(rules, style):
    assert inline_css(f"<style>{rules}</style><p class=c>").endswith(f'<p style="{style}" class=c>')


def test_attributes_written_for_old_clients_stay():
    html = (
        '<style>img{width:100%} td{background-color:#fff}</style><td bgcolor=red><img width="600">'
    )
    assert inline_css(html).endswith(
        '<td style="background-color:#fff" bgcolor=red><img style="width:100%" width="600">'
    )


def test_selector_that_nobody_knows_costs_only_its_own_rule():
    html = "<style>p::before{a:b} ..x{a:b} p:frobnicate(1){a:b} p{color:red}</style><p>"
    assert inline_css(html).endswith('<p style="color:red">')


BROKEN = [
    "<style>}}}{{{</style><p>",
    "<style>p{</style><p>",
    "<style><p>never closed",
    "<style>/*</style><p>",
    "<style>" + "(" * 20_000 + "</style><p>",
    "<style>" + '"' * 20_000 + "</style><p>",
    "<style>" + "p " * 5_000 + "{color:red}</style><p>",
    "<style>p{color:red}</style>" + "<!--" * 100_000,
    "<style>p{color:red}</style>" + "<a " * 100_000,
    "<style>p{color:red}</style>" + "<a x='" * 100_000,
    "<style>p{color:red}</style>" + "<script>" * 100_000,
    "<style>p{color:red}</style><p>\ud800",
    "<style>" + "a{b:c}" * 6_000 + "</style>" + "<a>" * 100,
    "<style>" + "p," * 8_000 + "p{color:red}</style>" + "<p>" * 2_000,
    "<style>" + ",".join(["div " * 30] * 200) + "{a:b}</style>" + "<div>" * 200,
    "<style>" + "/*" * 30_000 + "</style><p>",
    "<style>" + "x" * 64_001 + "</style><p>",
    "<style>p{color:red}</style><p>" + "x" * 2_000_000,
]


@pytest.mark.parametrize("html", BROKEN, ids=range(len(BROKEN)))
def test_broken_or_oversized_css_never_fails_a_mail(html):
    assert inline_css(html) == html


def test_css_that_is_left_alone_is_logged_without_the_mail(caplog):
    with caplog.at_level(logging.WARNING):
        inline_css("<style>p{color:red}</style><p>secret\ud800")
    assert "not inlined: UnicodeEncodeError" in caplog.text
    assert "secret" not in caplog.text


def test_mark_of_ours_in_a_mail_confuses_nobody():
    html = '<style>p{a:b}</style><p data-inlining-mark="99"><p data-inlining-mark="x">'
    assert inline_css(html).count('<p style="a:b" data-inlining-mark') == 2


TEXT = st.text(alphabet="ab<>&\"'=/ \n\u00e9", max_size=8)
NAME = st.sampled_from(["p", "a", "div", "td", "br", "title", "x-y"])
VALUE = st.text(alphabet="ab&<>{ \u00e9;:", max_size=5)
ATTRIBUTE = st.one_of(
    st.builds('class="{}"'.format, VALUE),
    st.builds("title='{}'".format, VALUE),
    st.just("id=c"),
    st.just('style="x:y"'),
    st.just("hidden"),
)
TAG = st.builds(
    lambda name, attributes: f"<{name} {' '.join(attributes)}>",
    NAME,
    st.lists(ATTRIBUTE, max_size=3),
)
PIECE = st.one_of(
    TAG,
    TEXT,
    st.builds("</{}>".format, NAME),
    st.builds("<!--{}-->".format, TEXT),
    st.sampled_from(["<![if !mso]>", "<![endif]>", "<!--[if mso]><p><![endif]-->", "&nbsp;"]),
)


@given(st.lists(PIECE, max_size=8).map("".join))
def test_every_byte_but_the_added_styles_survives(body):
    html = f"<style>p,div,[title]{{q:r}}</style>{body}"
    inlined = inline_css(html)
    assert inlined.replace(' style="q:r"', "").replace('"q:r; x:y"', '"x:y"') == html
    assert inline_css(html) == inlined


@given(st.lists(TAG, max_size=8).map("".join))
def test_start_tags_are_those_that_a_parser_sees(markup):
    markup = markup.replace("title>", "b>").replace("<title", "<b")
    events = etree.HTMLPullParser(["start"], recover=True)
    events.feed(f"<body>{markup}")
    seen = [element.tag for _, element in events.read_events()]
    assert [tag.name for tag in start_tags(markup)] == seen[2:]


def test_inlined_styles_agree_with_the_document_that_a_parser_sees():
    page = lxml_html.document_fromstring(inline_css(MAIL))
    styled = {element.tag for element in page.iter("*") if "color:red" in element.get("style", "")}
    assert styled == {"p", "img"}


CSS_WORDS = (
    "p .c #i * a:hover p:first-child :root > + ~ , [x='y'] { } ; : color:red --x:1 !important "
    "@media @import url(x) ( ) \" ' /* */ <!-- --> \\ 1px \u00e9 \0"
)
CSS_PIECE = st.sampled_from(CSS_WORDS.split())


@given(st.lists(CSS_PIECE, max_size=20).map(" ".join))
def test_any_style_sheet_leaves_the_mail_in_place(css):
    html = f"<style>{css}</style><p class=c id=i>x</p>"
    assert inline_css(html).endswith(" class=c id=i>x</p>")
