"""Which links are rewritten, how, and where the pixel goes: one rule a test."""

import pytest

from tracking.html_tags import find_links
from tracking.rewriting import LARGE_SIZE, MAX_URL_LENGTH, Rewritten, rewrite

PIXEL = "https://t.example/o/AQEB"
OWN = ["https://t.example/"]


def rewritten(html: str, **others: object) -> Rewritten:
    arguments: dict[str, object] = {"pixel_url": None, "own_prefixes": OWN} | others
    return rewrite(html, lambda target: "https://t.example/c/X", **arguments)


def targets(html: str) -> list[str]:
    seen: list[str] = []
    rewrite(html, lambda target: seen.append(target) or "https://t.example/c/X", None, OWN)
    return seen


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("https://a.example/?x=1&amp;y=2", "https://a.example/?x=1&y=2"),
        ("https://a.example/?x=1&amp;amp;y=2", "https://a.example/?x=1&amp;y=2"),
        ("https://a.example/?x=1&y=2", "https://a.example/?x=1&y=2"),
        ("https://a.example/?x=1&copy=2", "https://a.example/?x=1&copy=2"),
        ("https://a.example/?x=1&#38;y=2", "https://a.example/?x=1&y=2"),
        ("https&#58;//a.example/", "https://a.example/"),
        ("HTTP://A.Example/B", "HTTP://A.Example/B"),
        ("https://a.example/%2F%20%e9?q=a+b#c", "https://a.example/%2F%20%e9?q=a+b#c"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/a/../b", "https://a.example/a/../b"),
        ("https://a.example/a b", "https://a.example/a b"),
        ("https://bücher.example/ß", "https://bücher.example/ß"),
        (" \r\n\thttps://a.example/ \x00\x1f", "https://a.example/ \ufffd"),
        ("\x01https://a.example/\x1f", "https://a.example/"),
        ("https://a.exa\r\n\tmple/b\tc", "https://a.example/bc"),
        ("https://a.example/50%off", "https://a.example/50%off"),
        ("https://a.example/?a=%20b%20c", "https://a.example/?a=%20b%20c"),
        ("https://a.example/{id}", "https://a.example/{id}"),
        ("https://t.example.evil.example/", "https://t.example.evil.example/"),
    ],
)
def test_target_is_the_href_as_a_browser_parses_it(href: str, target: str) -> None:
    assert targets(f'<a href="{href}">x</a>') == [target]


@pytest.mark.parametrize(
    "href",
    [
        "",
        "#anchor",
        "/relative",
        "relative?x=https://a.example/",
        "//a.example/",
        "https:a.example",
        "mailto:a@a.example?body=https://a.example/",
        "tel:+49",
        "sms:+49",
        "cid:image@a.example",
        "data:text/html,https://a.example/",
        "javascript:alert(1)",
        "ftp://a.example/",
        "{{ url }}",
        "{{url}}",
        "*|URL|*",
        "%url%",
        "[[url]]",
        "https://a.example/{{ id }}",
        "https://a.example/{% if x %}a{% endif %}",
        "https://a.example/?u=*|UNIQID|*",
        "https://a.example/?u=%recipient.id%",
        "https://a.example/?u=%%id%%",
        "https://a.example/[[id]]",
        "https://user@a.example/",
        "https://user:password@a.example/",
        r"https:\\a.example/",
        "https://a.example/&#10;&#13;\x7f",
        "https://t.example/u/AQEB",
        "https://t.example/c/AQEB",
        " https://t.example/u/AQEB ",
        "https&#58;//t.example/u/AQEB",
    ],
)
def test_every_other_href_stays_as_it_is(href: str) -> None:
    html = f'<a href="{href}">x</a>'
    assert rewritten(html) == Rewritten(html, 0, ())


@pytest.mark.parametrize(
    "tag",
    [
        '<a data-no-track href="https://a.example/">',
        '<a href="https://a.example/" DATA-NO-TRACK>',
        "<a href=https://a.example/ data-no-track=false>",
        '<a href="https://a.example/"/data-no-track/>',
    ],
)
def test_data_no_track_keeps_link_and_attribute(tag: str) -> None:
    assert rewritten(tag).html == tag


@pytest.mark.parametrize(
    "tag",
    [
        '<a title="data-no-track" href="https://a.example/">',
        '<a data-no-tracking href="https://a.example/">',
        '<a x=" data-no-track " href="https://a.example/">',
    ],
)
def test_data_no_track_elsewhere_says_nothing(tag: str) -> None:
    assert rewritten(tag).links == 1


@pytest.mark.parametrize(
    "html",
    [
        '<link href="https://a.example/"><base href="https://a.example/">',
        '<form action="https://a.example/"><img src="https://a.example/">',
        '<abbr href="https://a.example/"><a-b href="https://a.example/">',
        '<a data-href="https://a.example/" xlink:href="https://a.example/">',
        "</a href=https://a.example/></body href=https://a.example/>",
        '<v:rect href="https://a.example/">',
        '<template><a href="https://a.example/"></a></template>',
        '<template><template></template><a href="https://a.example/"></a></template>',
        '<template><!--[if mso]><a href="https://a.example/"><![endif]--></template>',
        '<template><a href="https://a.example/"></a>',
        '<svg><a href="https://a.example/"></a></svg>',
        '<!-- <a href="https://a.example/"> -->',
        '<!--[if mso]><!-- <a href="https://a.example/"> --><![endif]-->',
        '<!--[if IE]><a href="https://a.example/"><![endif]-->',
        '<!--[if mso]><a href="https://a.example/">-->',
        '<!--[if mso]><style><a href="https://a.example/"></style><![endif]-->',
        '<!--[if mso]><a href="https://a.example/<![endif]-->',
        '<a href="https://a.example/',
    ],
)
def test_what_is_no_link_of_a_mail_stays_as_it_is(html: str) -> None:
    assert rewritten(html) == Rewritten(html, 0, ())


@pytest.mark.parametrize(
    "html",
    [
        "<template></template><a href=https://a.example/>",
        "</template><a href=https://a.example/>",
        "<template><script></template></script></template><a href=https://a.example/>",
        "<!--[if mso]><template><![endif]--><a href=https://a.example/>",
        "<!--[if mso]><style><![endif]--><a href=https://a.example/>",
        "<!--[if gte mso 9]><v:rect href=https://a.example/ /><![endif]-->",
        "<!--[IF (gte MSO 9)|(IE)]><V:OVAL HREF=https://a.example/><![EndIf]-->",
        "<!--[if mso]><area href=https://a.example/><![endif]-->",
        "<!--[if !mso]><!--><a href=https://a.example/><!--<![endif]-->",
        "<![if !mso]><a href=https://a.example/><![endif]>",
        "<svg role=img><title>A &lt; B</title><style>x</style><g/></svg><a href=https://a.example/>",
        "<svg><![CDATA[<a href=https://no.example/></svg>]]></svg><a href=https://a.example/>",
        "<noscript><a href=https://a.example/></noscript>",
    ],
)
def test_link_beside_or_within_something_unusual_is_found(html: str) -> None:
    assert rewritten(html).html == html.replace("https://a.example/", "https://t.example/c/X")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<a href="http://a.b">', '<a href="https://t.example/?a=1&amp;b=&quot;&#x27;&lt;">'),
        ("<a href='http://a.b'>", "<a href='https://t.example/?a=1&amp;b=&quot;&#x27;&lt;'>"),
        ("<A HREF = http://a.b >", "<A HREF = https://t.example/?a=1&amp;b=&quot;&#x27;&lt; >"),
    ],
)
def test_new_href_is_escaped_and_keeps_its_quotes(before: str, after: str) -> None:
    result = rewrite(before, lambda target: "https://t.example/?a=1&b=\"'<", None)
    assert result == Rewritten(after, 1, ())


def test_same_target_is_asked_for_once_and_counted_each_time() -> None:
    html = '<a href="https://a.example/?&amp;"></a><a href="https://a.example/?&"></a>'
    assert targets(html) == ["https://a.example/?&"]
    assert rewritten(html).links == 2


def test_link_that_would_pass_2000_characters_stays_with_a_warning() -> None:
    html = '<a href="https://a.example/"></a><a href="https://b.example/"></a>'
    fits = "https://t.example/" + "x" * (MAX_URL_LENGTH - len("https://t.example/"))
    result = rewrite(html, lambda target: fits + "y" * ("a.ex" in target), None)
    assert result.html == html.replace("https://b.example/", fits)
    assert result.links == 1
    (warning,) = result.warnings
    assert "https://a.example/" in warning
    assert "2,000 characters" in warning


def test_target_past_2000_characters_is_not_even_signed() -> None:
    html = f'<a href="https://a.example/{"x" * MAX_URL_LENGTH}">'
    assert targets(html) == []
    assert len(rewritten(html).warnings) == 1


def test_large_html_is_warned_about_by_its_size_in_bytes_after_rewriting() -> None:
    link = '<a href="http://a.b">'
    growth = len(rewritten(link).html) - len(link)
    fits = link + "é" * ((LARGE_SIZE - len(link) - growth) // 2)
    assert rewritten(fits).warnings == ()
    (warning,) = rewritten(fits + "éé").warnings
    assert "Gmail" in warning


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>x</p></body></html>", "<p>x</p>PIXEL</body></html>"),
        ("<p>x</p></BODY\n></html>", "<p>x</p>PIXEL</BODY\n></html>"),
        ("a</body>b</body>c", "a</body>bPIXEL</body>c"),
        ("<p>x</p>", "<p>x</p>PIXEL"),
        ("", "PIXEL"),
        ("1 <", "1 <PIXEL"),
        ("x</body><!-- </body> -->", "xPIXEL</body><!-- </body> -->"),
        ("x<script>'</body>'</script>", "x<script>'</body>'</script>PIXEL"),
        ("x</bodyguard>", "x</bodyguard>PIXEL"),
        ('<a title="</body>">x', '<a title="</body>">xPIXEL'),
        ("x<!--[if mso]></body><![endif]-->", "x<!--[if mso]></body><![endif]-->PIXEL"),
        ("<template></body></template>", "<template></body></template>PIXEL"),
        ("x<!-- never closed", "xPIXEL<!-- never closed"),
        ("x<a href='never closed", "xPIXEL<a href='never closed"),
        ("x<style>never closed", "xPIXEL<style>never closed"),
        ("x<template><script>never closed", "xPIXEL<template><script>never closed"),
        ("x<svg><p>uncertain</svg>", "xPIXEL<svg><p>uncertain</svg>"),
    ],
)
def test_pixel_stands_before_the_last_real_end_of_body_or_at_the_end(
    before: str, after: str
) -> None:
    start, end = after.split("PIXEL")
    html = rewritten(before, pixel_url=PIXEL).html
    assert html.startswith(f'{start}<img src="{PIXEL}" width="1" height="1" alt="" ')
    assert html.endswith(f">{end}")
    assert html.count("<img") == 1


def test_pixel_is_added_once_and_its_address_escaped() -> None:
    once = rewritten("x</body>", pixel_url=PIXEL + "?a&b").html
    assert f'src="{PIXEL}?a&amp;b"' in once
    assert rewritten(once, pixel_url=PIXEL + "?a&b").html == once


def test_no_pixel_is_added_without_its_address() -> None:
    assert rewritten("<p>x</p></body>").html == "<p>x</p></body>"


def test_links_after_an_svg_of_uncertain_end_are_left_with_a_warning() -> None:
    html = '<a href="https://a.example/"></a><svg><p></svg><a href="https://b.example/"></a>'
    result = rewritten(html)
    assert result.html == html.replace("https://a.example/", "https://t.example/c/X")
    (warning,) = result.warnings
    assert "<svg> at character 33" in warning


@pytest.mark.parametrize(
    "html",
    [
        "<a " * 100_000,
        "<a x=" * 100_000,
        "<a =" * 100_000,
        "<!--" * 100_000,
        "<!--[if mso]>" * 100_000,
        "<script><!--" * 30_000,
        "<svg>" * 30_000,
        "<" * 300_000,
        "<p>" * 100_000,
        "<!--[if " + "mso" * 300_000 + "-->",
        "<svg x" + "=" * 300_000 + "y><p></svg>",
        "<p " + "x " * 100_000 + ">",
        "<p x='" * 100_000,
        "<a href=https://a.example/ x" + "=y" * 100_000,
        "<a href='https://a.example/" + "{{" * 300_000 + "'>",
        "<a href='https://a.example/" + "&" * 100_000 + "'>",
    ],
    ids=lambda html: html[:14],
)
def test_long_hostile_html_is_read_in_one_go(html: str) -> None:
    found = find_links(html)
    assert len(found.links) <= 1
    assert rewritten(html).html == html or len(found.links) == 1
