"""The scanner sees the links that a parser sees, and leaves every other byte alone."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracking.rewriting import rewrite
from tracking.tests.parser_oracle import href, nodes, tracked

MANY = settings(max_examples=300, deadline=None)
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.html"))

LINKS = [
    '<a href="http://a.example/?x=1&amp;y=2">',
    "<a href='https://b.example/e?&copy=1&not;&notit;&#x26;&#38'>",
    "<A HREF=HTTP://c.example/>",
    '<area href = "\n http://d.example/\tj "/>',
    "<a title=\"<a href='http://no.example'>\" href=http://e.example href=http://no.example>",
    '<a\nhref="http://f.example"data-no-track>',
    '<a x=y"href="http://g.example">',
    '<a =href="http://no.example" href=http://h.example>',
    "<a/href=http://i.example/a/>",
    '<a x="<!--" href="http://j.example">',
    '<a href="http://k.example/',
    "<a href='http://l.example/",
    "<a href=http://m.example",
    "<!--[if mso]><v:rect href='http://n.example'></v:rect><a href=http://o.example></a><![endif]-->",
    "<v:rect href=http://no.example>",
    "<aa href=http://no.example>",
]
RAW = ["script", "style", "title", "textarea", "xmp", "iframe", "noframes", "noembed", "noscript"]
PIECES = [
    *LINKS,
    *[f"<{name}>" for name in [*RAW, "plaintext", "p", "table", "td", "b", "body", "li", "br"]],
    *[f"</{name}>" for name in [*RAW, "p", "table", "b", "body", "html", "a"]],
    *["<", "</", ">", "/", "=", '"', "'", "-", "!", "&", "]]>", "\n", "\t", "\f", "\r", "\0", " "],
    *["<a ", "</a ", "</script ", "<script ", " href=", ' x="', " y='", "'>", '">', "é", "text"],
    *["<!--", "-->", "--!>", "<!-->", "<!--->", "<![CDATA[", "<!doctype html>", "<?x", "</ "],
    *["<!--[if mso]>", "<![endif]-->", "<!--[if !mso]><!-->", "<!--<![endif]-->", "<\u017fcript>"],
]
FOREIGN = [
    "<svg>",
    "</svg>",
    "<svg/>",
    "<path/>",
    "<path d=x/>",
    "<g>",
    "</g>",
    "<math>",
    "<title>",
]


def documents(pieces: list[str]) -> st.SearchStrategy[str]:
    # A link at each end of most of them, to see whether what is between was left in time.
    ends = st.sampled_from(LINKS)
    inside = st.lists(st.sampled_from(pieces), max_size=12).map("".join)
    return st.tuples(ends | st.just(""), inside, ends).map("".join)


def click_url(target: str) -> str:
    """A link unlike any other, of characters that have to be escaped in HTML."""
    return f"https://t.example/c/?&amp;<'\"={sha256(target.encode()).hexdigest()}"


ESCAPED = re.compile(r"https://t\.example/c/\?&amp;amp;&lt;&#x27;&quot;=[0-9a-f]{64}")


def assert_all_else_is_unchanged(html: str, rewritten: str) -> None:
    """Between the tracked links stand the original's bytes, with hrefs of that target in between.

    Each gap is one value without anything that could end it, in the quotes that were there.
    """
    kept = ESCAPED.split(rewritten)
    pattern = "([^\"]*?|[^']*?)".join(map(re.escape, kept))
    assert re.fullmatch(pattern, html, re.DOTALL)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_parser_sees_a_real_mail_unchanged_but_for_its_links(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    rewritten = rewrite(html, click_url, None)
    assert nodes(rewritten.html) == tracked(html, click_url)
    assert_all_else_is_unchanged(html, rewritten.html)
    assert rewritten.links == len(ESCAPED.findall(rewritten.html)) > 0


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("outlook_vml_button", 4),
        ("newsletter_tables", 5),
        ("dark_mode", 2),
        ("minimal", 1),
        ("broken", 12),
        ("uppercase", 3),
        ("emoji", 4),
        ("right_to_left", 3),
    ],
)
def test_number_of_tracked_links_in_a_real_mail_is_as_counted_by_hand(
    name: str, links: int
) -> None:
    path = Path(__file__).parent / "corpus" / f"{name}.html"
    assert rewrite(path.read_text(encoding="utf-8"), click_url, None).links == links


@MANY
@given(documents(PIECES))
@example("<script><!--<script></script><a href=http://a.example></script>")
@example("<script><!--></script><a href=http://a.example>")
@example("<script><!--><script></script><a href=http://a.example></script>")
@example("<!--<!--><a href=http://a.example>-->")
@example("<a x=><a href=http://a.example>")
def test_parser_sees_any_html_unchanged_but_for_its_links(html: str) -> None:
    rewritten = rewrite(html, click_url, None)
    assert nodes(rewritten.html) == tracked(html, click_url)
    assert_all_else_is_unchanged(html, rewritten.html)


@MANY
@given(documents([*PIECES, *FOREIGN, *FOREIGN, *FOREIGN]))
@example("<svg><p></p><![CDATA[><style>]]></svg><a href=http://a.example></style>")
def test_around_svg_links_are_left_out_with_a_warning_but_never_wrong(html: str) -> None:
    rewritten = rewrite(html, click_url, None)
    seen, before, expected = nodes(rewritten.html), nodes(html), tracked(html, click_url)
    assert len(seen) == len(before)
    for node, untouched, all_tracked in zip(seen, before, expected, strict=True):
        assert node in (untouched, all_tracked)
    if not rewritten.warnings:
        assert seen == expected
    assert_all_else_is_unchanged(html, rewritten.html)


@MANY
@given(documents([*PIECES, *FOREIGN]))
def test_rewriting_twice_changes_nothing(html: str) -> None:
    pixel = "https://t.example/o/pixel"
    once = rewrite(html, click_url, pixel, ["https://t.example/"]).html
    assert rewrite(once, click_url, pixel, ["https://t.example/"]).html == once


@MANY
@given(documents(PIECES))
def test_targets_are_those_of_the_links_that_a_parser_sees(html: str) -> None:
    targets: list[str] = []
    rewrite(html, lambda target: targets.append(target) or "https://t.example/", None)
    assert set(targets) == {target for node in nodes(html) if (target := href(node)) is not None}
    assert len(targets) == len(set(targets))
