"""What goes over the wire is exactly the message, and nothing in it can end it early."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delivery.smtp import Connection
from delivery.smtp.data import END_OF_DATA, MAX_LINE, to_wire

from .factories import MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import ScriptedServer

pieces = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\xff", b" ", b"\r\n.\r\n"])
messages = st.lists(pieces | st.binary(max_size=5), max_size=30).map(
    lambda parts: b"".join(parts).replace(b"\0", b"")
)


def canonical(message: bytes) -> bytes:
    """An independent reading of what lines a message has: character by character."""
    lines, current, previous = [], bytearray(), 0
    for byte in message:
        if byte == 0x0A and previous == 0x0D:
            pass  # the line ended with the CR
        elif byte in (0x0A, 0x0D):
            lines.append(bytes(current))
            current.clear()
        else:
            current.append(byte)
        previous = byte
    if current:
        lines.append(bytes(current))
    return b"".join(line + b"\r\n" for line in lines)


def read_mail_data(stream: bytes) -> tuple[bytes, bytes]:
    """A receiver's state machine (RFC 5321 §4.5.2): the message, and what follows its end."""
    message = b""
    while True:
        line, found, stream = stream.partition(b"\r\n")
        assert found, "the mail data never ends"
        if line == b".":
            return message, stream
        message += line.removeprefix(b".") + b"\r\n"


@settings(deadline=None, max_examples=60)
@given(messages)
@example(b"\r.\r\n")
@example(b"a\r\n.\r\nMAIL FROM:<evil@example.com>\r\n")
@example(b"a\n.\nb")
@example(b"a\r.\rb")
@example(b"")
@example(b".")
@example(b"\r\r\n\n")
def test_receiver_reads_back_the_message_and_nothing_after_it(message: bytes) -> None:
    stream = to_wire(message).data + END_OF_DATA
    assert read_mail_data(stream) == (canonical(message), b"")


@settings(deadline=None, max_examples=60)
@given(messages)
def test_wire_has_crlf_only_and_one_end(message: bytes) -> None:
    stream = b"\r\n" + to_wire(message).data + END_OF_DATA
    assert re.search(rb"\r(?!\n)|(?<!\r)\n|\0", stream) is None
    assert stream.count(b"\r\n.\r\n") == 1
    assert stream.endswith(b"\r\n.\r\n")


@settings(deadline=None, max_examples=60)
@given(messages)
def test_size_counts_the_message_before_stuffing(message: bytes) -> None:
    wire = to_wire(message)
    assert wire.size == len(canonical(message))
    assert wire.eight_bit == any(byte > 0x7F for byte in message)


@settings(deadline=None, max_examples=60)
@given(messages)
def test_preparing_what_was_received_changes_nothing(message: bytes) -> None:
    assert to_wire(canonical(message)) == to_wire(message)


def test_message_with_crlf_keeps_every_byte() -> None:
    with ScriptedServer() as server:
        connection = Connection(endpoint(server))
        connection.open()
        connection.send(SENDER, [ONE], MESSAGE, yes)
        assert server.messages[0].data == MESSAGE
        assert server.messages[0].wire == MESSAGE.replace(b"\r\n.", b"\r\n..")


@settings(deadline=None, max_examples=60)
@given(st.lists(messages, min_size=1, max_size=4))
def test_messages_in_a_row_arrive_apart(several: list[bytes]) -> None:
    stream = b"".join(to_wire(message).data + END_OF_DATA for message in several)
    for message in several:
        received, stream = read_mail_data(stream)
        assert received == canonical(message)
    assert stream == b""


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b""])
def test_longest_line_passes_and_one_more_byte_is_refused(end: bytes) -> None:
    assert to_wire(b"x" * MAX_LINE + end).size == MAX_LINE + 2
    with pytest.raises(ValueError, match="998"):
        to_wire(b"a: b\r\n\r\n" + b"x" * (MAX_LINE + 1) + end)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([0, 1, 2, 500, 996, 997, 998, 999, 1000]), max_size=8))
def test_line_over_the_limit_is_found_wherever_it_stands(lengths: list[int]) -> None:
    message = b"".join(b"x" * length + b"\r\n" for length in lengths)
    if max(lengths, default=0) <= MAX_LINE:
        assert to_wire(message).content == message
    else:
        with pytest.raises(ValueError, match=f"a line of {max(lengths)} bytes"):
            to_wire(message)


def test_leading_dot_does_not_count_twice() -> None:
    assert to_wire(b"." * MAX_LINE).size == MAX_LINE + 2


@pytest.mark.parametrize("message", [b"\0", b"a\0b\r\n", b"a\r\n.\0\r\n"])
def test_nul_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="NUL"):
        to_wire(message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"Subject: hi\r\n\r\n\xc3\xa4\r\n", (True, False)),
        (b"Subject: \xc3\xa4\r\n\r\nhi\r\n", (True, True)),
        (b"Subject: hi\n\n\xc3\xa4\n", (True, False)),
        (b"Subject: \xc3\xa4", (True, True)),
        (b"Subject: hi\r\n\r\nhi\r\n", (False, False)),
    ],
)
def test_wire_message_knows_what_it_needs(message: bytes, expected: tuple[bool, bool]) -> None:
    wire = to_wire(message)
    assert (wire.eight_bit, wire.utf8_headers) == expected
