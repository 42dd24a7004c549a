"""What may reach a header, and the sentence for what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.headers import (
    UnsafeHeader,
    check_custom_header,
    check_custom_headers,
    check_header_text,
)

UNSAFE = [
    ("\r", "CARRIAGE RETURN (U+000D)"),
    ("\n", "LINE FEED (U+000A)"),
    ("\r\n", "CARRIAGE RETURN (U+000D)"),
    ("\0", "NULL (U+0000)"),
    ("\v", "LINE TABULATION (U+000B)"),
    ("\f", "FORM FEED (U+000C)"),
    ("\x1c", "the control character (U+001C)"),
    ("\x1b", "ESCAPE (U+001B)"),
    ("\x7f", "DELETE (U+007F)"),
    ("\x85", "NEXT LINE (U+0085)"),
    ("\x9b", "the control character (U+009B)"),
    ("\u2028", "LINE SEPARATOR (U+2028)"),
    ("\u2029", "PARAGRAPH SEPARATOR (U+2029)"),
    ("\ud800", "the lone surrogate U+D800"),
    ("\udcff", "the lone surrogate U+DCFF"),
]


@pytest.mark.parametrize(("character", "name"), UNSAFE)
def test_unsafe_characters_are_refused_by_name(character, name):
    for text in (f"Hi{character}Bcc: eve@example.org", f"Hi{character}", f"{character}Hi"):
        with pytest.raises(UnsafeHeader) as refusal:
            check_header_text(text)
        assert name in str(refusal.value)
        with pytest.raises(UnsafeHeader) as refusal:
            check_custom_header("X-Tag", text)
        assert name in str(refusal.value)
        with pytest.raises(UnsafeHeader):
            check_custom_header(f"X-{text}", "1")


@given(st.text())
def test_what_passes_is_one_line_to_every_reader(text):
    try:
        check_header_text(text)
    except UnsafeHeader:
        return
    assert len(text.splitlines()) <= 1
    assert "\0" not in text
    text.encode()


@pytest.mark.parametrize("text", ["", "Hello", "Grüße 👋🏽", "a\tb", "שלום \u200f!", "\u00a0"])
def test_ordinary_text_passes(text):
    check_header_text(text)


def test_text_longer_than_a_line_is_refused():
    check_header_text("a" * 998)
    with pytest.raises(UnsafeHeader, match="at most 998"):
        check_header_text("a" * 999)


REFUSED = [
    ("From", "use from_email"),
    ("Sender", "use from_email"),
    ("to", "use to_email"),
    ("CC", "use cc"),
    ("bCC", "use bcc"),
    ("Apparently-To", "use to_email, cc or bcc"),
    ("Reply-To", "use reply_to"),
    ("Subject", "use subject"),
    ("Date", "the platform writes it"),
    ("Message-ID", "the platform writes it"),
    ("MIME-Version", "the platform writes it"),
    ("DKIM-Signature", "the platform signs"),
    ("DomainKey-Signature", "the platform signs"),
    ("Return-Path", "the platform collects bounces"),
    ("Errors-To", "the platform collects bounces"),
    ("Received", "only the servers"),
    ("Received-SPF", "only the servers"),
    ("Delivered-To", "only the servers"),
    ("Authentication-Results", "only the servers"),
    ("ARC-Seal", "only the servers"),
    ("arc-message-signature", "only the servers"),
    ("Content-Type", "it follows from"),
    ("content-transfer-encoding", "it follows from"),
    ("Content-Anything", "it follows from"),
    ("Resent-From", "send a new email"),
]


@pytest.mark.parametrize(("name", "advice"), REFUSED)
def test_fields_of_ours_are_refused_with_what_to_use_instead(name, advice):
    with pytest.raises(UnsafeHeader) as refusal:
        check_custom_header(name, "value")
    assert advice in str(refusal.value)
    assert name in str(refusal.value)


@pytest.mark.parametrize("name", ["", "X Tag", "X-Tag:", "X-Täg", "X-Tag\t", " X-Tag", "X" * 101])
def test_malformed_names_are_refused(name):
    with pytest.raises(UnsafeHeader):
        check_custom_header(name, "value")


def test_name_leaves_room_for_an_encoded_word_where_one_is_needed():
    check_custom_header("X" * 100, "ASCII")
    check_custom_header("X" * 50, "größer")
    with pytest.raises(UnsafeHeader, match="more than 50"):
        check_custom_header("X" * 51, "größer")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Campaign", "spring-2025"),
        ("X-Note", "Grüße aus Köln"),
        ("List-Unsubscribe", "<https://example.org/u/" + "a" * 900 + ">"),
        ("References", " ".join(["<" + "a" * 60 + "@example.org>"] * 40)),
        ("In-Reply-To", "<a@example.org>"),
        ("Auto-Submitted", "auto-generated"),
        ("!#$%&'*+.^_`{|}~", "ftext"),
    ],
)
def test_headers_of_the_caller_pass(name, value):
    check_custom_header(name, value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("X-Tag", "", "empty"),
        ("X-Tag", " ", "white space"),
        ("X-Tag", " a", "white space"),
        ("X-Tag", "a\t", "white space"),
        ("X-Tag", "a" * 999, "no space divides"),
        ("X-Tag", "a " * 3_000 + "a", "more than 4000"),
        ("List-Unsubscribe", "<https://example.org/ü>", "ASCII only"),
        ("References", "<ü@example.org>", "ASCII only"),
    ],
)
def test_values_that_no_line_can_hold_are_refused(name, value, message):
    with pytest.raises(UnsafeHeader, match=message):
        check_custom_header(name, value)


def test_a_field_that_may_occur_once_is_refused_twice():
    check_custom_headers([("X-Tag", "a"), ("X-Tag", "b")])
    with pytest.raises(UnsafeHeader, match="may occur once"):
        check_custom_headers([("References", "<a@b>"), ("references", "<c@d>")])
    with pytest.raises(UnsafeHeader, match="may occur once"):
        check_custom_headers([("List-Unsubscribe", "<https://a>"), ("LIST-Unsubscribe", "<b:>")])


def test_all_headers_together_are_limited():
    header = ("X-Tag", "a " * 1_900 + "a")
    check_custom_headers([header] * 4)
    with pytest.raises(UnsafeHeader, match="at most 16000"):
        check_custom_headers([header] * 5)
