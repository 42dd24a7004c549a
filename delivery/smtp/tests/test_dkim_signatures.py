"""What we sign, dkimpy verifies; what was changed since, it refuses."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.smtp.data import to_wire
from delivery.smtp.dkim import sign
from delivery.smtp.tests.dkim_verifier import (
    NOW,
    RECORDS,
    SIGNERS,
    message_after,
    public_record,
    signed_by,
    tags,
    verifies,
)

FIELDS = {
    "From": "Ann <ann@example.com>",
    "Subject": "Hello there",
    "To": "bob@example.net",
    "Date": "Sat, 01 Mar 2025 12:30:00 +0000",
    "Cc": "cid@example.net",
    "Reply-To": "help@example.com",
    "Sender": "ann@example.com",
    "Message-ID": "<1@example.com>",
    "In-Reply-To": "<0@example.com>",
    "References": "<0@example.com>",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "List-Id": "<news.example.com>",
    "List-Help": "<https://example.com/help>",
    "List-Subscribe": "<https://example.com/s>",
    "List-Unsubscribe": "<https://example.com/u/1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-Post": "NO",
    "List-Owner": "<mailto:ann@example.com>",
    "List-Archive": "<https://example.com/a>",
    "Feedback-ID": "1:2:3:example",
}
BODY = "Dear Bob,\r\n\r\n\tit  is  done. é\r\n \r\n\r\n".encode()


def header(fields: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()


MESSAGE = header(FIELDS) + b"X-Other: 1\r\n\r\n" + BODY
SIGNED = {kind: signed_by(kind, MESSAGE) for kind in SIGNERS}

both_keys = pytest.mark.parametrize("kind", SIGNERS)

# Names in any case, with those twice that may stand once. No VT and FF in values: they are not
# WSP (RFC 6376 §2.8), but dkimpy strips them.
NAMES = st.sampled_from([*map(str.encode, FIELDS), b"from", b"SUBJECT", b"X-Other", b"!", b"~9"])
OCTETS = " \t:;=.aB\x01\x1f\x7f\x85\xa0\xe9\xff\n\n"
VALUES = st.text(OCTETS, max_size=30).map(
    lambda text: text.encode("latin-1").replace(b"\n", b"\r\n ")
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
    lambda fields: b"".join(b"%b:%b\r\n" % field for field in fields)
)
BODIES = st.text(OCTETS, max_size=60).map(
    lambda text: text.encode("latin-1").replace(b"\n", b"\r\n")
)


@both_keys
def test_message_with_every_field_verifies(kind):
    assert verifies(SIGNED[kind], kind)
    assert tags(SIGNED[kind])["a"] == f"{kind}-sha256"


@settings(deadline=None, max_examples=1000)
@given(HEADERS, HEADERS, BODIES, st.sampled_from(sorted(SIGNERS)))
def test_arbitrary_message_verifies_as_it_arrives(above, below, body, kind):
    message = above + b"From: ann@example.com\r\n" + below + b"\r\n" + body
    signed = signed_by(kind, message)
    assert signed.endswith(message)
    wire = to_wire(signed).data.replace(b"\r\n..", b"\r\n.")
    assert verifies(wire, kind)


@pytest.mark.parametrize("message", [b"From: a", b"From: a\r\n", b"From: a\r\n\r\n"])
@both_keys
def test_message_without_a_body_verifies(message, kind):
    signed = signed_by(kind, message)
    assert tags(signed)["bh"] == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # §3.4.4
    assert verifies(signed, kind)


@both_keys
@pytest.mark.parametrize("name", FIELDS)
def test_changed_field_fails(name, kind):
    changed = SIGNED[kind].replace(header({name: FIELDS[name]}), header({name: "x@example.org"}))
    assert changed != SIGNED[kind]
    assert not verifies(changed, kind)


@both_keys
@pytest.mark.parametrize("name", FIELDS)
def test_removed_field_fails(name, kind):
    removed = SIGNED[kind].replace(b"\r\n" + header({name: FIELDS[name]}), b"\r\n")
    assert len(removed) < len(SIGNED[kind])
    assert not verifies(removed, kind)


@both_keys
@pytest.mark.parametrize("where", ["above", "below"])
@pytest.mark.parametrize("name", FIELDS)
def test_added_field_fails(name, where, kind):
    added = header({name: "x@example.org"})
    if where == "above":
        changed = added + SIGNED[kind]
    else:
        changed = SIGNED[kind].replace(b"X-Other: 1\r\n", b"X-Other: 1\r\n" + added)
    assert changed != SIGNED[kind]
    assert not verifies(changed, kind)


@pytest.mark.parametrize("name", ["From", "Subject", "To", "Date"])
def test_field_that_was_absent_can_not_be_added(name):
    signed = signed_by("rsa", b"From: ann@example.com\r\n\r\nHello\r\n")
    assert verifies(signed)
    assert not verifies(header({name: "x@example.org"}) + signed)


def test_from_is_named_once_more_than_it_is_there():
    """By its own count: dkimpy would refuse a second From without that."""
    assert tags(SIGNED["rsa"])["h"].split(":").count("From") == 2


@pytest.mark.parametrize("name", ["Received", "Message-ID", "List-Id", "Cc", "Return-Path"])
def test_servers_on_the_way_may_add_what_was_absent(name):
    signed = signed_by("rsa", b"From: ann@example.com\r\n\r\nHello\r\n")
    assert verifies(header({name: "<x@example.org>"}) + signed)


@both_keys
@pytest.mark.parametrize(
    "body", [b"", b"Dear Bob", BODY + b"more\r\n", b"\r\n" + BODY, BODY.replace(b"  is", b"is")]
)
def test_changed_body_fails(body, kind):
    assert not verifies(SIGNED[kind].removesuffix(BODY) + body, kind)


@pytest.mark.parametrize("tag", ["v", "a", "d", "s", "t", "bh", "h", "b"])
def test_changed_tag_of_the_signature_fails(tag):
    field = SIGNED["rsa"].removesuffix(MESSAGE)
    begin = field.index(f" {tag}=".encode()) + len(tag) + 2
    digit = b"2" if field[begin : begin + 1] != b"2" else b"3"
    assert not verifies(field[:begin] + digit + field[begin + 1 :] + MESSAGE)


@both_keys
def test_signature_of_another_key_fails(kind, monkeypatch):
    other = {"rsa": generate_private_key(65537, 2048), "ed25519": Ed25519PrivateKey.generate()}
    monkeypatch.setitem(RECORDS, kind, public_record(other[kind]))
    assert not verifies(SIGNED[kind], kind)


def test_white_space_that_servers_change_does_no_harm():
    signed = SIGNED["rsa"]
    refolded = signed.replace(b"Subject: Hello there", b"subject:Hello\r\n\t there ")
    assert refolded != signed
    assert verifies(refolded + b"\r\n\r\n")


def test_tags_are_those_of_the_standard_and_no_length_is_given():
    found = tags(SIGNED["rsa"])
    assert list(found) == ["v", "a", "c", "d", "s", "t", "bh", "h", "b"]
    assert found["c"] == "relaxed/relaxed"
    assert found["t"] == str(int(NOW.timestamp()))


def test_same_message_and_second_give_the_same_bytes():
    for kind in SIGNERS:
        elsewhere = NOW.replace(microsecond=0).astimezone(timezone(timedelta(hours=9)))
        assert signed_by(kind, MESSAGE, elsewhere) == SIGNED[kind]
        assert signed_by(kind, MESSAGE, NOW + timedelta(seconds=1)) != SIGNED[kind]


def test_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        signed_by("rsa", MESSAGE, datetime.now(UTC).replace(tzinfo=None))


@both_keys
def test_field_is_folded_into_short_lines_of_ascii(kind):
    assert message_after(SIGNED[kind]) == MESSAGE
    field = SIGNED[kind].removesuffix(MESSAGE)
    assert field.isascii()
    assert field.endswith(b"\r\n")
    lines = field[:-2].split(b"\r\n")
    assert all(line[:1] == b" " and line.strip() for line in lines[1:])
    assert max(map(len, lines)) <= 76


def test_signature_can_be_signed_over():
    """Another signature below is not covered and stays valid itself (§5.4.1)."""
    twice = signed_by("ed25519", SIGNED["rsa"])
    assert verifies(twice, "ed25519")
    assert verifies(message_after(twice), "rsa")


def test_two_signers_sign_the_same_each_and_the_first_stands_on_top():
    both = sign(MESSAGE, [SIGNERS["rsa"], SIGNERS["ed25519"]], NOW)
    assert both == SIGNED["rsa"].removesuffix(MESSAGE) + SIGNED["ed25519"]
    assert verifies(both, "rsa")
    assert verifies(message_after(both), "ed25519")


def test_nobody_signs_nothing():
    assert sign(MESSAGE, [], NOW) == MESSAGE
