"""Replies are read strictly, and shown safely."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.smtp import Connection, Reply
from delivery.smtp.channel import MAX_REPLY_LINE
from delivery.smtp.errors import ProtocolError
from delivery.smtp.replies import MAX_LINES, parse_reply, read_reply

from .factories import endpoint
from .scripted import ScriptedServer, in_turn, stall


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"250 ok"], Reply(250, None, "ok")),
        ([b"250"], Reply(250, None, "")),
        ([b"250 "], Reply(250, None, "")),
        ([b"250-one", b"250-two", b"250 three"], Reply(250, None, "one\ntwo\nthree")),
        ([b"250-one", b"250"], Reply(250, None, "one\n")),
        ([b"550 5.1.1 no such user"], Reply(550, "5.1.1", "no such user")),
        ([b"550-5.1.1 no", b"550 5.1.1 such user"], Reply(550, "5.1.1", "no\nsuch user")),
        ([b"550-5.1.1 no", b"550 such user"], Reply(550, "5.1.1", "no\nsuch user")),
        ([b"250 2.0.0"], Reply(250, "2.0.0", "")),
        ([b"550 5.1.1no space"], Reply(550, None, "5.1.1no space")),
        ([b"550 1.2.3 no such class"], Reply(550, None, "1.2.3 no such class")),
        ([b"250 gr\xc3\xbc\xc3\x9fe"], Reply(250, None, "gr\u00fc\u00dfe")),
        ([b"250 a\x00b\x1b[2J\xff"], Reply(250, None, "a\ufffdb\ufffd[2J\ufffd")),
    ],
)
def test_reply_is_read(lines: list[bytes], expected: Reply) -> None:
    assert parse_reply(lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"hello"],
        [b"25 ok"],
        [b"2500 ok"],
        [b"250ok"],
        [b"250_ok"],
        [b"650 ok"],
        [b"150 ok"],
        [b" 250 ok"],
        ["٢٥٠ ok".encode()],
        [b"250-one"],
        [b"250 one", b"250 two"],
        [b"250-one", b"550 two"],
        [b"250-one", b"two"],
    ],
)
def test_garbage_is_a_protocol_error(lines: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        parse_reply(lines)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=20), max_size=4))
def test_any_bytes_are_a_reply_or_a_protocol_error(lines: list[bytes]) -> None:
    try:
        reply = parse_reply(lines)
    except ProtocolError:
        return
    assert 200 <= reply.code <= 599
    assert reply.text.replace("\n", "").isprintable()


def test_endless_reply_is_a_protocol_error() -> None:
    served = iter([b"250-more"] * MAX_LINES + [b"250 end"])
    with pytest.raises(ProtocolError, match="lines"):
        read_reply(lambda: next(served))


@pytest.mark.parametrize(("code", "kind"), [(250, "positive"), (354, "intermediate")])
@pytest.mark.parametrize(("other", "name"), [(450, "transient"), (550, "permanent")])
def test_first_digit_decides(code: int, kind: str, other: int, name: str) -> None:
    for number, expected in ((code, kind), (other, name)):
        reply = Reply(number, None, "")
        kinds = ("positive", "intermediate", "transient", "permanent")
        assert [each for each in kinds if getattr(reply, each)] == [expected]


def test_reply_is_shown_as_the_server_wrote_it() -> None:
    assert str(Reply(550, "5.1.1", "no such user")) == "550 5.1.1 no such user"
    assert str(Reply(250, None, "")) == "250"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_reply_line_may_be_so_long_and_no_longer(end: str) -> None:
    longest = "220 " + "x" * (MAX_REPLY_LINE - 6)
    for line, phase in ((longest, None), (longest + "xxxxx", "greeting")):
        with ScriptedServer() as server:
            raw = (line + end).encode()
            server.on("greeting", lambda peer, raw=raw: peer.send(raw))  # type: ignore[misc]
            outcome = Connection(endpoint(server)).open()
            assert (outcome and outcome.phase) == phase


def test_endless_line_is_not_kept_in_memory() -> None:
    with ScriptedServer() as server:
        server.on("greeting", in_turn(lambda peer: peer.send(b"220 " + b"x" * 100_000), stall))
        outcome = Connection(endpoint(server)).open()
        assert outcome is not None
        assert "2048" in outcome.detail
