"""The end of a message after DATA, however it is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.smtp.incoming import Fault, Incoming

NON_STANDARD_ENDS = [
    b"\n.\n",
    b"\n.\r",
    b"\n.\r\n",
    b"\r.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\r\n.\r\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
]


def read(*chunks: bytes, max_bytes: int = 10_000, max_line: int = 1000) -> Incoming:
    incoming = Incoming(max_bytes, max_line)
    for number, chunk in enumerate(chunks):
        assert incoming.feed(chunk) is (number == len(chunks) - 1), (number, chunks)
    return incoming


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_message_ends_at_the_dot_on_its_own_line() -> None:
    incoming = read(b"Subject: x\r\n\r\n..stuffed\r\n.\r\nQUIT\r\n")
    assert incoming.fault is None
    assert incoming.content() == b"Subject: x\r\n\r\n.stuffed\r\n"
    assert incoming.rest == b"QUIT\r\n"


def test_message_may_be_empty() -> None:
    assert read(b".\r\n").content() == b""


@pytest.mark.parametrize("end", NON_STANDARD_ENDS)
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "bytewise"])
def test_nothing_else_ends_a_message_and_all_else_is_refused(end, cut) -> None:
    smuggled = b"Subject: x\r\n\r\nHello" + end + b"MAIL FROM:<a@example.org>\r\n"
    incoming = read(*cut(smuggled + b"\r\n.\r\n"))
    assert incoming.fault is Fault.BARE_LINE_END
    assert incoming.rest == b""


def test_too_large_and_too_long_are_told_at_the_end() -> None:
    line = b"x" * 98 + b"\r\n"
    assert read(*[line] * 200, b".\r\n").fault is Fault.TOO_LARGE
    assert read(*[line] * 99, b".\r\n").fault is None
    assert read(b"x" * 998 + b"\r\n.\r\n").fault is None
    assert read(b"x" * 999 + b"\r\n.\r\n").fault is Fault.LINE_TOO_LONG
    assert read(*[b"x"] * 2000, b"\r\n.\r\n").fault is Fault.LINE_TOO_LONG


def test_what_is_refused_is_not_kept() -> None:
    incoming = Incoming(1000, 1000)
    for _ in range(100):
        incoming.feed(b"\n" * 1000)
    assert len(incoming._kept) < 10


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.translate(None, b"\r\n\0")))


@given(LINES, st.binary(max_size=30), st.lists(st.integers(1, 20), max_size=60))
def test_any_message_is_read_back_however_it_is_cut(lines, after, sizes) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)
    wire, incoming = stuffed + b".\r\n" + after, Incoming(10_000, 1000)
    ended = False
    for size in [*sizes, len(wire)]:
        if ended or not wire:
            break
        ended, wire = incoming.feed(wire[:size]), wire[size:]
    assert ended
    assert incoming.fault is None
    assert incoming.content() == content
    assert incoming.rest + wire == after


@given(st.lists(st.binary(max_size=20)), st.sampled_from(NON_STANDARD_ENDS))
def test_random_pieces_end_only_where_the_whole_does(chunks, end) -> None:
    pieces = [*chunks, end, b"\r\n.\r\n"]
    incoming, fed = Incoming(10_000, 1000), b""
    for piece in pieces:
        fed += piece
        if incoming.feed(piece):
            assert (
                b"\r\n" + fed[: len(fed) - len(incoming.rest)]
                == (b"\r\n" + fed).partition(b"\r\n.\r\n")[0] + b"\r\n.\r\n"
            )
            return
    raise AssertionError("the end was not seen")
