"""Attachments, inline images and the tree of parts, read back by the standard library's parser."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.mime import Part, assemble
from delivery.tests.messages import (
    FILE,
    LOGO,
    as_documented,
    assert_fit_for_smtp,
    content,
    draft,
    passes,
    read,
)
from uploads.filenames import check_filename

filenames = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(st.sampled_from("ab .%'*\"=?;é漢👋"), min_size=1, max_size=200),
).filter(lambda name: passes(check_filename, name))


@given(name=filenames, data=st.binary(max_size=300))
@example(name="a" * 255, data=b"")
@example(name="漢" * 85, data=b"\r\n.\r\n")
@example(name='a"b.txt', data=b"x" * 58)
@example(name="=?utf-8?q?x?=.txt", data=b"\0")
def test_attachments_keep_name_and_octets(name, data):
    message = assemble(draft(attachments=(Part(name, "application/pdf", data),)))
    assert_fit_for_smtp(message, longest=76)
    attachment = next(iter(read(message).iter_attachments()))
    assert (
        attachment["Content-Disposition"].params["filename"] == name
    )  # not stripped, not unquoted
    assert attachment.get_content() == data
    assert attachment.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    ("name", "fallback"),
    [
        ("Preisübersicht.pdf", "Preisubersicht.pdf"),
        ("報告書.pdf", "file.pdf"),
        ("漢", "file"),
        ('a"b.txt', "a_b.txt"),
        ("a" * 250 + ".docx", "a" * 40 + ".docx"),
    ],
)
def test_readers_without_rfc_2231_find_an_ascii_name(name, fallback):
    message = assemble(draft(attachments=(Part(name, "application/pdf", b"x"),)))
    attachment = next(iter(read(message).iter_attachments()))
    assert attachment["Content-Type"].params["name"] == fallback


@pytest.mark.parametrize("data", [b"a\nb\r\nc\rd", b"no line end", "é\n".encode("latin-1")])
def test_text_attachments_keep_their_octets(data):
    part = Part("a.csv", "text/csv; charset=iso-8859-1", data)
    attachment = next(iter(read(assemble(draft(attachments=(part,)))).iter_attachments()))
    assert attachment.get_payload(decode=True) == data
    assert attachment["Content-Type"].params["charset"] == "iso-8859-1"


def test_attached_messages_keep_their_octets_under_a_type_that_may_be_base64():
    part = Part("mail.eml", "message/rfc822", assemble(draft()))
    attachment = next(iter(read(assemble(draft(attachments=(part,)))).iter_attachments()))
    assert attachment.get_content_type() == "application/octet-stream"
    assert attachment.get_content() == part.content


PLAIN, HTML, PNG, PDF = "text/plain", "text/html", "image/png", "application/pdf"
TREES = [
    ({}, PLAIN),
    ({"html": "<p>", "text": None}, HTML),
    ({"html": None, "text": None}, PLAIN),
    ({"html": "<p>"}, ["alternative", PLAIN, HTML]),
    ({"attachments": (FILE,)}, ["mixed", PLAIN, PDF]),
    ({"attachments": (LOGO,)}, ["mixed", PLAIN, PNG]),
    ({"html": "<p>", "text": None, "attachments": (LOGO,)}, ["related", HTML, PNG]),
    (
        {"html": "<p>", "attachments": (FILE, LOGO)},
        ["mixed", ["alternative", PLAIN, ["related", HTML, PNG]], PDF],
    ),
    (
        {"html": "<p>", "attachments": (Part("b.png", PNG, b"", "b"),)},
        ["mixed", ["alternative", PLAIN, HTML], PNG],
    ),
]


def tree(part):
    if not part.is_multipart():
        return part.get_content_type()
    return [part.get_content_subtype(), *map(tree, part.iter_parts())]


@pytest.mark.parametrize(("fields", "expected"), TREES)
def test_parts_are_nested_as_readers_expect(fields, expected):
    assert tree(read(assemble(draft(**fields)))) == expected


def test_inline_images_are_found_by_their_content_id():
    message = read(assemble(draft(html='<img src="cid:logo">', text=None, attachments=(LOGO,))))
    assert message["Content-Type"].params["type"] == "text/html"
    image = list(message.iter_parts())[1]
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == b"\x89PNG"


@given(st.lists(st.sampled_from(["mixed", "alternative", "related"]), max_size=3))
def test_content_cannot_close_a_part(kinds):
    """The boundaries are known to whoever knows the Message-ID, and still cannot be forged."""
    sample = assemble(draft(html="x", attachments=(FILE, LOGO))).decode()
    boundaries = re.findall(r'boundary="([^"]*)"', sample)
    assert len(boundaries) == 3
    forged = "".join(
        f"\r\n--{boundary}--\r\n--{boundary}\r\n"
        for boundary in boundaries
        if any(kind in boundary for kind in kinds)
    )
    file = Part("a.pdf", PDF, forged.encode())
    message = read(assemble(draft(text=forged, html=forged, attachments=(file, LOGO))))
    assert tree(message) == ["mixed", ["alternative", PLAIN, ["related", HTML, PNG]], PDF]
    leaves = [part for part in message.walk() if not part.is_multipart()]
    assert content(leaves[0]) == content(leaves[1]) == as_documented(forged)
    assert leaves[3].get_content() == forged.encode()


def test_the_same_draft_gives_the_same_bytes():
    one = {"html": "<p>Hi</p>", "attachments": (FILE, LOGO), "subject": "Grüße"}
    assert assemble(draft(**one)) == assemble(draft(**one))
