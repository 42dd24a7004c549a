"""The header of a message, read back by the standard library's parser."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.mime import assemble, needs_smtputf8
from delivery.tests.messages import (
    ANN,
    BOB,
    assert_fit_for_smtp,
    draft,
    header_text,
    passes,
    read,
    read_addresses,
)
from emails.addresses import Address
from emails.headers import check_header_text

header_texts = st.one_of(
    st.text(max_size=120),
    st.text(st.sampled_from('ab ,."\\()<>@=?_é漢👋\u0301\t'), max_size=200),
    st.lists(st.sampled_from(["=?utf-8?q?x?=", "Grüße", "word", "a" * 80, " ", "  "])).map("".join),
).filter(lambda text: passes(check_header_text, text))


@given(subject=header_texts)
@example(subject="a" * 998)
@example(subject="👋" * 200)
@example(subject=" spaces  inside and around ")
@example(subject="=?utf-8?q?=0D=0ABcc:_eve=40example.org?=")
def test_subjects_survive_exactly_in_short_lines(subject):
    message = assemble(draft(subject=subject))
    assert_fit_for_smtp(message, longest=76)
    assert header_text(message, "Subject") == subject
    assert "Bcc" not in read(message)


@given(name=header_texts, other=header_texts)
@example(name='Doe, "J." \\', other="Jürgen, Ünal <x@example.org>")
@example(name="Ann  Lee", other=" ")
@example(name="=?utf-8?q?x?=", other="a" * 300)
@example(name='"' * 40, other="a" * 66)
def test_display_names_survive_exactly(name, other):
    mailboxes = (Address("ann@example.org", name), Address("eve@example.com", other))
    message = assemble(draft(from_=mailboxes[0], to=mailboxes, cc=mailboxes[::-1]))
    assert_fit_for_smtp(message, longest=76)
    assert read_addresses(message, "From") == mailboxes[:1]
    assert read_addresses(message, "To") == mailboxes
    assert read_addresses(message, "Cc") == mailboxes[::-1]


@given(text=header_texts.filter(lambda text: text == text.strip() and not text.isascii()))
def test_custom_text_survives_exactly(text):
    message = assemble(draft(headers=(("X-Note", text),)))
    assert_fit_for_smtp(message, longest=76)
    assert header_text(message, "X-Note") == text


@given(st.text(min_size=1, max_size=200).filter(lambda text: passes(check_header_text, text)))
def test_encoded_words_split_no_character_and_stay_short(subject):
    message = assemble(draft(subject=subject))
    for charset, encoding, word in re.findall(rb"=\?([^?]*)\?([qb])\?([^?]*)\?=", message):
        assert len(b"=?%s?%s?%s?=" % (charset, encoding, word)) <= 75
        alone = b"Subject: =?%s?%s?%s?=\r\n\r\n" % (charset, encoding, word)
        assert "\ufffd" not in str(read(alone)["Subject"]) or "\ufffd" in subject


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", "<https://example.org/u/" + "a1-_" * 100 + "?x=?utf-8?q?y?=>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("References", " ".join(f"<{n}{'x' * 60}@mail.example.org>" for n in range(30))),
        ("In-Reply-To", "<" + "y" * 90 + "@example.org>"),
        ("X-Data", '{"a": 1, ' + "b" * 300 + "}"),
        ("X-Spaces", "a  b" + "   c" * 60),
    ],
)
def test_ascii_values_are_folded_at_white_space_only_and_never_encoded(name, value):
    message = assemble(draft(headers=((name, value),)))
    assert_fit_for_smtp(message)
    header = message.partition(b"\r\n\r\n")[0] + b"\r\n"
    written = re.search(rb"^%s: ((?:.*\r\n)(?:[ \t].*\r\n)*)" % name.encode(), header, re.M)
    assert written is not None
    assert written[1].replace(b"\r\n", b"").decode() == value
    for line in written[1].split(b"\r\n"):
        assert len(line) <= 76 or b" " not in line.strip()


def test_a_message_has_one_of_each_required_field():
    message = assemble(draft(html="<p>Hi</p>", reply_to=(ANN, BOB), cc=(ANN,)))
    parsed = read(message)
    for name in ("Date", "Message-ID", "From", "To", "Cc", "Reply-To", "Subject", "MIME-Version"):
        assert len(parsed.get_all(name)) == 1, name
    assert parsed["Message-ID"] == "<1@example.org>"
    assert parsed["Date"].datetime == datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
    assert parsed["Bcc"] is None


def test_dates_keep_their_offset():
    date = datetime(2025, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert read(assemble(draft(date=date)))["Date"] == "Sat, 01 Mar 2025 12:30:00 +0530"
    in_utc = date.astimezone(UTC)  # the same moment, in other words
    assert read(assemble(draft(date=in_utc)))["Date"] == "Sat, 01 Mar 2025 07:00:00 +0000"


def test_mail_for_nobody_in_its_header_says_so():
    assert "To: undisclosed-recipients:;" in assemble(draft(to=())).decode()
    assert b"\r\nTo:" not in assemble(draft(to=(), cc=(BOB,)))


def test_international_domains_are_written_as_a_labels():
    mailbox = Address("ann@münchen.example", "Ann")
    one = draft(from_=mailbox, to=(mailbox,), cc=(mailbox,), reply_to=(mailbox,))
    message = assemble(one)
    assert message.count(b"Ann <ann@xn--mnchen-3ya.example>") == 4
    assert message.isascii()
    assert not needs_smtputf8(one)


def test_only_an_international_local_part_puts_utf8_into_the_header():
    mailbox = Address("jörg@münchen.example", "Jörg")
    one = draft(to=(mailbox,), subject="Grüße")
    assert needs_smtputf8(one)
    message = assemble(one)
    assert "=?utf-8?q?J=C3=B6rg?= <jörg@xn--mnchen-3ya.example>".encode() in message
    assert message.replace("jörg".encode(), b"").isascii()


def test_long_text_is_encoded_in_the_shorter_way():
    assert b"Subject: =?utf-8?b?" in assemble(draft(subject="Привет, мир! " * 9))
    assert b"Subject: =?utf-8?q?" in assemble(
        draft(subject="A long and mostly plain subject für " * 4)
    )


def test_a_tab_is_encoded_since_programs_make_it_a_space():
    assert b"Subject: =?utf-8?q?a=09b?=\r\n" in assemble(draft(subject="a\tb"))
