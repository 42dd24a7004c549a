"""Bodies, read back by the standard library's parser."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.mime import assemble
from delivery.tests.messages import as_documented, assert_fit_for_smtp, content, draft, read

bodies = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.sampled_from(" \t.=\r\nFaé—漢👋\0\x7f-_"), max_size=300),
    st.lists(
        st.sampled_from(["From ", " ", "\t", ".", "\n", "\r\n", "a" * 70, "a", "--=_", "=20", "é"]),
        max_size=60,
    ).map("".join),
)


@given(text=bodies, html=st.none() | bodies)
@example(text="a" * 74 + " \n", html="a" * 75 + "\t")
@example(text="From here\nFrom there", html="x" * 75 + "From me")
@example(text=".\n..\n.", html="")
def test_bodies_survive_exactly(text, html):
    message = assemble(draft(text=text, html=html))
    assert_fit_for_smtp(message, longest=76)
    parts = [part for part in read(message).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == (
        ["text/plain"] if html is None else ["text/plain", "text/html"]
    )
    bodies_read = [content(part) for part in parts]
    assert bodies_read == [as_documented(body) for body in (text, html) if body is not None]


@given(text=bodies)
@example(text="a" * 75 + ".")
def test_no_encoded_line_is_longer_than_76_or_mistaken_by_a_mailbox_file(text):
    body = assemble(draft(text=text)).partition(b"\r\n\r\n")[2]
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b"From ")
        assert line == line.rstrip(b" \t")
        assert line != b"."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "quoted-printable"),
        ("Grüße aus Köln an alle, die das lesen", "quoted-printable"),
        ("Привет, мир", "base64"),
        ("你好", "base64"),
    ],
)
def test_the_shorter_transfer_encoding_is_chosen(text, encoding):
    assert read(assemble(draft(text=text)))["Content-Transfer-Encoding"] == encoding


def test_lone_surrogates_in_a_body_are_refused():
    with pytest.raises(UnicodeEncodeError):
        assemble(draft(text="\ud800"))
