"""The relaxed forms, by the examples of RFC 6376 and beside those of dkimpy."""

import dkim.canonicalization
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.smtp.dkim.canonical import relaxed_body, relaxed_field
from delivery.smtp.dkim.header import cover, split_message

ORACLE = dkim.canonicalization.Relaxed

# No VT and FF: they are not WSP (RFC 6376 §2.8), but dkimpy strips them from values.
TEXT = st.text(" \taZ0:;=.\x01\x1fé日\n\n", max_size=60).map(str.encode)


def test_the_example_of_the_standard_has_its_form():
    fields, body = split_message(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n")
    assert [relaxed_field(name, value) for name, value in fields] == [b"a:X", b"b:Y Z"]
    assert relaxed_body(body) == b" C\r\nD E\r\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n\r\n", b""),
        (b" \t ", b""),
        (b" \r\n\t\r\n \t", b""),
        (b"a", b"a\r\n"),
        (b"a \t", b"a\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"a\r\n\r\n \r\n", b"a\r\n"),
        (b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
        (b"a \t b\t\tc\r\n", b"a b c\r\n"),
        (b"\t a\r\n", b" a\r\n"),
        (b"a\r\n  \r\nb", b"a\r\n\r\nb\r\n"),
        (b"a\x0b\x0c\xa0 \r\n", b"a\x0b\x0c\xa0\r\n"),
    ],
)
def test_white_space_and_empty_lines_of_a_body(body, expected):
    assert relaxed_body(body) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (b"Subject", b"", b"subject:"),
        (b"Subject", b"  \t", b"subject:"),
        (b"SUBJECT\t ", b"a", b"subject:a"),
        (b"Subject", b" a\r\n \t b  c\t", b"subject:a b c"),
        (b"Subject", b"\r\n a", b"subject:a"),
        (b"Subject", b" a\r\n \r\n\tb", b"subject:a b"),
        (b"Subject", b" a: B", b"subject:a: B"),
        (b"Subject", b" \x0ba\xc3\x89\xa0", b"subject:\x0ba\xc3\x89\xa0"),
    ],
)
def test_white_space_and_folding_of_a_field(name, value, expected):
    assert relaxed_field(name, value) == expected


@settings(deadline=None, max_examples=500)
@given(TEXT)
def test_bodies_have_the_form_of_dkimpy(text):
    body = text.replace(b"\n", b"\r\n") + b"\r\n"
    assert relaxed_body(body) == ORACLE.canonicalize_body(body)


@settings(deadline=None, max_examples=500)
@given(st.from_regex(rb"[!-9;-~]+", fullmatch=True), TEXT)
def test_fields_have_the_form_of_dkimpy(name, text):
    value = text.replace(b"\n", b"\r\n ")
    [(oracle_name, oracle_value)] = ORACLE.canonicalize_headers([(name, value + b"\r\n")])
    assert relaxed_field(name, value) + b"\r\n" == oracle_name + b":" + oracle_value


def test_fields_are_chosen_from_the_bottom_up_with_one_more_that_is_not_there():
    fields, _ = split_message(
        b"FROM: 1\r\ncc: 2\r\nX-Other: 3\r\nfrom : 4\r\nReferences: 5\r\nsubject: 6\r\n\r\n"
    )
    covered = cover(fields)
    assert covered.names == [
        *("From", "From", "From", "Subject", "Subject", "To", "Date"),
        *("Cc", "Cc", "References", "References"),
    ]
    assert covered.hashed == b"from:4\r\nfrom:1\r\nsubject:6\r\ncc:2\r\nreferences:5\r\n"


@pytest.mark.parametrize(
    ("message", "header", "body"),
    [
        (b"From: a", [(b"From", b" a")], b""),
        (b"From: a\r\n", [(b"From", b" a")], b""),
        (b"From: a\r\n\r\n", [(b"From", b" a")], b""),
        (b"From: a\r\n\r\n\r\nb: c\r\n\r\n", [(b"From", b" a")], b"\r\nb: c\r\n\r\n"),
        (b"From: a\r\n \r\nTo:b\r\n\r\nc", [(b"From", b" a\r\n "), (b"To", b"b")], b"c"),
    ],
)
def test_header_ends_at_the_first_empty_line(message, header, body):
    assert split_message(message) == (header, body)


@pytest.mark.parametrize(
    "message",
    [
        b"From: a\nTo: b\r\n\r\nbody\r\n",
        b"From: a\r\n\r\nbody\n",
        b"From: a\r\n\r\nbody\rmore\r\n",
        b"From: a\r\n\r\nbody\n\r\n",
        b"From: a\r\n\r\nbody\n\r",
        b"From: a\r\n\r\nbody\r\n\r",
    ],
)
def test_bare_line_end_is_refused(message):
    with pytest.raises(ValueError, match="bare CR or LF"):
        split_message(message)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\nFrom: a\r\n\r\nbody",
        b" From: a\r\n\r\n",
        b"From: a\r\nno field\r\n\r\n",
        b"From: a\r\n: b\r\n\r\n",
        b"From: a\r\nTwo words: b\r\n\r\n",
        b"From: a\r\n\xc3\x89: b\r\n\r\n",
        b"From a@example.com\r\nFrom: a\r\n\r\n",
    ],
)
def test_header_that_is_not_made_of_fields_is_refused(message):
    with pytest.raises(ValueError, match="not a header field"):
        split_message(message)


def test_message_without_from_is_refused():
    with pytest.raises(ValueError, match="without From"):
        cover([(b"To", b"a"), (b"X-From", b"b")])
