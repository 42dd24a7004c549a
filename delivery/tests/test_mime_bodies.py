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
@example(text="a" * 998, html="a" * 999)
@example(text="--=_mixed", html="a\n--=_alternative_")
def test_bodies_survive_exactly(text, html):
    message = assemble(draft(text=text, html=html))
    assert_fit_for_smtp(message)
    parts = [part for part in read(message).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == (
        ["text/plain"] if html is None else ["text/plain", "text/html"]
    )
    bodies_read = [content(part) for part in parts]
    assert bodies_read == [as_documented(body) for body in (text, html) if body is not None]


@given(text=bodies)
@example(text="a" * 75 + ".")
def test_no_line_is_too_long_or_mistaken_or_changed_on_its_way(text):
    message = assemble(draft(text=text))
    as_it_is = read(message)["Content-Transfer-Encoding"] == "7bit"
    for line in message.partition(b"\r\n\r\n")[2].split(b"\r\n"):
        assert len(line) <= (998 if as_it_is else 76)
        assert not line.startswith(b"From ")
        assert line == line.rstrip(b" \t")
        assert line != b"."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("a=b\n" * 300, "7bit"),
        ("plain \n", "quoted-printable"),
        ("a" * 999, "quoted-printable"),
        ("Grüße aus Köln an alle, die das lesen", "quoted-printable"),
        ("Привет, мир", "base64"),
        ("你好", "base64"),
    ],
)
def test_the_cheapest_transfer_encoding_is_chosen(text, encoding):
    assert read(assemble(draft(text=text)))["Content-Transfer-Encoding"] == encoding


def test_lone_surrogates_in_a_body_are_refused():
    with pytest.raises(UnicodeEncodeError):
        assemble(draft(text="\ud800"))
