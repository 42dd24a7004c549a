"""Addresses go into commands in one form, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.smtp import Connection, Endpoint
from delivery.smtp.addresses import EnvelopeAddress

from .factories import MESSAGE, ONE, SENDER, endpoint, yes
from .scripted import EXTENSIONS, ScriptedServer


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("user@example.com", "user@example.com"),
        ("", ""),
        ("User+tag@Example.COM", "User+tag@Example.COM"),
        ("o'neil!#$%&*/=?^_`{|}~@example.com", "o'neil!#$%&*/=?^_`{|}~@example.com"),
        ("two..dots.@docomo.ne.jp", "two..dots.@docomo.ne.jp"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("user@[192.0.2.1]", "user@[192.0.2.1]"),
        ("user@[IPv6:2001:db8::1]", "user@[IPv6:2001:db8::1]"),
        ("user@b\u00fccher.example", "user@xn--bcher-kva.example"),
        ("user@B\u00dcCHER.example", "user@xn--bcher-kva.example"),
        ("user@stra\u00dfe.example", "user@xn--strae-oqa.example"),  # IDNA 2003 says strasse
        ("user@\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "user@xn--r8jz45g.xn--zckzah"),
        ("\u00fcser@example.com", "\u00fcser@example.com"),
    ],
)
def test_address_becomes_a_path(address: str, path: str) -> None:
    assert str(EnvelopeAddress.parse(address)) == path


INJECTIONS = [
    "a@example.com\r\nRCPT TO:<b@example.com",
    "a@example.com\nDATA",
    "a@example.com\rx",
    "a\r\n@example.com",
    "a\0@example.com",
    "a@example.com\0",
    "a@example.com> SIZE=1",
    "a>@example.com",
    "<a@example.com>",
    "a b@example.com",
    '"a b"@example.com',
    '"a\r\nb"@example.com',
    "a@example.com ",
    " a@example.com",
    "a\t@example.com",
    "a@exam\x7fple.com",
    "a@example.com\u0085x",
    "a\u2028b@example.com",
    "a\u00a0b@example.com",
    "a\ud800@example.com",
    "a@example.com\u3000b",
]


@pytest.mark.parametrize("address", INJECTIONS)
def test_injection_is_refused_before_anything_is_sent(address: str) -> None:
    with ScriptedServer() as server:
        connection = Connection(endpoint(server))
        connection.open()
        for sender, recipient in ((address, ONE), (SENDER, address)):
            with pytest.raises(ValueError, match=r"address|command|domain"):
                connection.send(sender, [recipient], MESSAGE, yes)
        assert [line[:4] for line in server.commands] == ["EHLO"]
        assert connection.send(SENDER, [ONE], MESSAGE, yes)[ONE].kind == "delivered"


@pytest.mark.parametrize(
    "address",
    [
        "user",
        "@example.com",
        "user@",
        "a@b@example.com",
        '"a"b"@example.com',
        "@relay:user@example.com",
        "user@-example.com",
        "user@example..com",
        "user@example.com.",
        "user@exa,mple.com",
        "user@\u2603\u200d.example",
        "user@[192.0.2.1",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"not a|codepoint|character"):
        EnvelopeAddress.parse(address)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=12), st.text(max_size=12))
def test_path_never_holds_what_ends_or_extends_a_command(local: str, domain: str) -> None:
    try:
        path = str(EnvelopeAddress.parse(f"{local}@{domain}"))
    except ValueError:
        return
    assert not set(path) & set("\r\n\0 <>\t\x7f")
    assert path.encode()
    assert path.rpartition("@")[2].isascii()


@pytest.mark.parametrize("recipients", [[], [""], [f"u{n}@example.com" for n in range(101)]])
def test_number_of_recipients_is_limited(recipients: list[str]) -> None:
    with pytest.raises(ValueError, match="recipients"):
        Connection(Endpoint("127.0.0.1", 25, "client.example")).send(
            SENDER, recipients, MESSAGE, yes
        )


def test_hundred_recipients_go_in_one_transaction() -> None:
    recipients = [f"user{number}@example.com" for number in range(100)]
    for extensions in (EXTENSIONS, EXTENSIONS[1:]):
        with ScriptedServer(extensions=extensions) as server:
            connection = Connection(endpoint(server))
            connection.open()
            outcomes = connection.send(SENDER, recipients, MESSAGE, yes)
            assert list(outcomes) == server.messages[0].recipients == recipients


@pytest.mark.parametrize("name", ["a b", "a\r\nMAIL", "", "a>", "a\0"])
def test_our_own_name_cannot_inject_either(name: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        Endpoint("127.0.0.1", 25, name)
