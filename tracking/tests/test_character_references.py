"""Character references in attributes, against the table of the HTML Standard and a parser."""

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.character_references import decode_attribute


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        ("?a=1&b=2", "?a=1&b=2"),
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&amp;amp;b=2", "?a=1&amp;b=2"),
        ("?a=1&amp;lt;", "?a=1&lt;"),
        ("?a=1&ampb=2", "?a=1&ampb=2"),
        ("?a=1&amp", "?a=1&"),
        ("?a&copy=1", "?a&copy=1"),
        ("?a&copy;=1", "?a©=1"),
        ("?a&copy", "?a©"),
        ("?a&copy-1", "?a©-1"),
        ("?a&copyright=1", "?a&copyright=1"),
        ("?a&notit;=1", "?a&notit;=1"),
        ("?a&notin;=1", "?a∉=1"),
        ("?a&reg_id=1", "?a®_id=1"),
        ("?a&para%20", "?a¶%20"),
        ("?a&LT&GT;", "?a<>"),
        ("?a&Amp;", "?a&Amp;"),
        ("&#38;&#x26;&#X26&#038", "&&&&"),
        ("&#x80;&#129;", "€\x81"),
        ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\ufffd" * 4),
        ("&#1;&#xFDD0;", "\x01\ufdd0"),
        ("&#;&#x;&;&", "&#;&#x;&;&"),
        ("&NotEqualTilde;", "\u2242\u0338"),
        ("&\u017fect;", "&\u017fect;"),
    ],
)
def test_reference_is_decoded_once_and_as_in_an_attribute(raw: str, decoded: str) -> None:
    assert decode_attribute(raw) == decoded


def test_number_of_thousands_of_digits_is_read() -> None:
    assert decode_attribute("&#" + "9" * 10_000 + ";") == "\ufffd"
    assert decode_attribute("&#x" + "0" * 10_000 + "41;") == "A"


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "&",
                "#",
                "x",
                "X",
                "38",
                "26",
                "80",
                "9f",
                ";",
                "=",
                "a",
                " ",
                "/",
                "amp",
                "lt",
                "copy",
                "not",
                "notin",
                "in",
                "reg",
                "sup2",
                "frac12",
                "AMP",
                "é",
                "x110000",
                "0",
            ]
        )
    ).map("".join)
)
def test_parser_reads_the_same_value(raw: str) -> None:
    link = html5lib.parseFragment(f'<a href="{raw}">', namespaceHTMLElements=False)[0]
    assert decode_attribute(raw) == link.attrib["href"]
