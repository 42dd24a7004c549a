"""Mails that came back, read into one value."""

from email import message_from_bytes

import pytest
from flufl.bounce import all_failures
from hypothesis import given
from hypothesis import strategies as st

from delivery.smtp.classification import Reason
from delivery.smtp.reports import Kind, Original, read_complaint, read_report
from delivery.smtp.reports.bounds import MOST_READ, parsed
from delivery.smtp.reports.fields import subject_of
from delivery.smtp.tests.corpora import files_of
from delivery.smtp.tests.returned import arf, away, dsn, of_recipient

BOUNCES = files_of("flufl_bounce", "*/tests/data/*.txt")  # real ones


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({}, "bounce", "bad_mailbox"),
        ({"status": "5.1.2", "text": "no such domain"}, "bounce", "bad_domain"),
        ({"status": "5.0.0", "text": "550 User unknown"}, "bounce", "bad_mailbox"),
        ({"status": "5.0.0", "text": "550 5.7.1 spam"}, "bounce", "spam"),
        ({"status": "5.2.2", "text": "552 5.2.2 full"}, "bounce", "full"),
        ({"status": "5.7.1", "text": "550 5.7.1 policy"}, "bounce", "policy"),
        ({"status": "5.7.26", "text": "550 DMARC"}, "bounce", "auth"),
        ({"status": "4.4.7", "text": "delivery time expired"}, "soft_bounce", "temporary"),
        ({"status": "4.2.2", "text": "452 4.2.2 full"}, "soft_bounce", "full"),
        ({"action": "delayed", "status": "4.4.1", "text": "timed out"}, "delay", "temporary"),
        ({"action": "delivered", "status": "2.0.0", "text": "250 ok"}, "notice", "unknown"),
        ({"action": "relayed", "status": "2.0.0", "text": "250 ok"}, "notice", "unknown"),
        ({"action": "expanded", "status": "2.0.0", "text": "250 ok"}, "notice", "unknown"),
        ({"action": "failed (bounced)", "status": "5.1.1 (bad address)"}, "bounce", "bad_mailbox"),
        ({"action": "verzögert", "status": "4.4.1", "text": "timed out"}, "delay", "temporary"),
    ],
)
def test_notification_says_what_became_of_the_mail(fields, kind, reason) -> None:
    report = read_report(dsn(of_recipient(**fields)), "ann@example.org")
    assert (report.kind, report.reason) == (Kind(kind), Reason(reason))


def test_notification_is_read_with_all_that_it_tells() -> None:
    report = read_report(dsn(), "ann@example.org")
    assert report.recipient == "ann@example.org"
    assert report.status == "5.1.1"
    assert (report.code, report.text) == (550, "User unknown")
    assert report.reporter == "mx.example.net"
    assert report.key == "<dsn-1@mx.example.net>"
    assert report.original.message_id == "<msg_abc@example.com>"


def test_of_several_recipients_the_one_that_was_asked_for_counts() -> None:
    groups = [
        of_recipient("bob@example.org", "delayed", "4.4.1", "timed out"),
        of_recipient("ann@example.org"),
    ]
    assert read_report(dsn(*groups), "Ann@example.org").kind is Kind.BOUNCE
    assert read_report(dsn(*groups), "bob@example.org").kind is Kind.DELAY


def test_forwarded_mail_bounced_only_where_it_did_for_all() -> None:
    gone = of_recipient("ann@elsewhere.example")
    late = of_recipient("ann@other.example", "delayed", "4.4.1", "timed out")
    assert read_report(dsn(gone), "ann@example.org").kind is Kind.BOUNCE
    assert read_report(dsn(gone, late), "ann@example.org").kind is Kind.DELAY


def test_original_recipient_counts_before_the_one_it_was_forwarded_to() -> None:
    group = "Original-Recipient: rfc822;ann@example.org\n" + of_recipient("x@elsewhere.example")
    late = of_recipient("y@elsewhere.example", "delayed", "4.4.1", "timed out")
    assert read_report(dsn(late, group), "ann@example.org").kind is Kind.BOUNCE


def test_notification_of_international_mail_is_read() -> None:
    group = of_recipient("jos\u00e9@example.org").replace("rfc822;", "utf-8;")
    report = read_report(dsn(group, kind="message/global-delivery-status"), "jos\u00e9@example.org")
    assert (report.kind, report.recipient) == (Kind.BOUNCE, "jos\u00e9@example.org")


def test_base64_notification_is_read() -> None:
    from base64 import encodebytes

    status = "Reporting-MTA: dns; mx.example.net\n\n" + of_recipient()
    encoded = encodebytes(status.encode()).decode()
    kind = "message/global-delivery-status\nContent-Transfer-Encoding: base64"
    content = dsn("\n", kind=kind).replace(
        b"Reporting-MTA: dns; mx.example.net\r\nArrival-Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n",
        encoded.encode(),
    )
    assert read_report(content, "ann@example.org").kind is Kind.BOUNCE


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        ("abuse", "complaint"),
        ("ABUSE", "complaint"),
        ("fraud", "complaint"),
        ("virus", "complaint"),
        ("opt-out", "complaint"),
        ("not-spam", "notice"),
        ("auth-failure", "unknown"),
        ("other", "unknown"),
    ],
)
def test_feedback_is_a_complaint_only_where_a_reader_complained(feedback, kind) -> None:
    assert read_report(arf(feedback), "").kind is Kind(kind)
    assert read_complaint(arf(feedback), feedback=False).kind is Kind(kind)


def test_complaint_names_the_mail_with_and_without_the_reader() -> None:
    original = "Return-Path: <b+abc@bounces.example.com>\nMessage-ID: <msg_1@example.com>\n"
    report = read_report(arf(original=original), "")
    assert report.original == Original("b+abc@bounces.example.com", "<msg_1@example.com>")
    assert report.recipient == ""
    named = read_report(
        arf(
            fields="Original-Rcpt-To: <ann@example.org>\nOriginal-Mail-From: <b+x@example.com>\n",
            enclosed="text/rfc822-headers",
        ),
        "",
    )
    assert named.recipient == "ann@example.org"
    assert named.original == Original("b+x@example.com", "<msg_abc@example.com>")


def test_enclosed_mail_alone_is_a_complaint_only_where_complaints_come_to() -> None:
    content = arf().replace(b"message/feedback-report", b"text/plain")
    assert read_complaint(content, feedback=True).kind is Kind.COMPLAINT
    assert read_complaint(content, feedback=False).kind is Kind.UNKNOWN
    assert read_report(content, "").kind is not Kind.COMPLAINT


def test_bounce_is_none_where_only_complaints_are_believed() -> None:
    for content in (dsn(), away()):
        assert read_complaint(content, feedback=True).kind in (Kind.UNKNOWN, Kind.COMPLAINT)
        assert read_complaint(content, feedback=False).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ("Auto-Submitted: auto-replied\n", "Re: Your order"),
        ("Auto-Submitted: auto-replied; owner-email=ann@example.org\n", "Re: Your order"),
        ("X-Autoreply: yes\n", "Re: Your order"),
        ("X-Autorespond: yes\n", "Re: Your order"),
        ("Precedence: auto_reply\n", "Re: Your order"),
        ("Precedence: bulk\nIn-Reply-To: <msg_1@example.com>\n", "Re: Your order"),
        ("", "Out of Office: Your order"),
        ("", "Automatic reply: Your order"),
        ("", "Automatische Antwort: Ihre Bestellung"),
        ("", "=?utf-8?q?R=C3=A9ponse_automatique?= : Your order"),
        ("Content-Type: message/disposition-notification\n", "Read: Your order"),
    ],
)
def test_answer_of_a_program_is_told_apart(fields, subject) -> None:
    assert read_report(away(fields, subject), "ann@example.org").kind is Kind.AUTO_REPLY


@pytest.mark.parametrize("fields", ["", "Auto-Submitted: no\n", "Precedence: bulk\n"])
def test_what_a_person_writes_is_for_people(fields) -> None:
    report = read_report(away(fields), "ann@example.org")
    assert (report.kind, report.why) == (Kind.UNKNOWN, "no bounce or report is found in it")


def test_absence_is_no_bounce_even_where_it_names_an_unknown_user() -> None:
    content = away() + b"550 5.1.1 User unknown: <ann@example.org>\r\n"
    assert read_report(content, "ann@example.org").kind is Kind.AUTO_REPLY


@pytest.mark.parametrize("name", BOUNCES)
def test_real_bounces_are_found_with_their_recipient(name) -> None:
    content = BOUNCES[name]
    temporary, permanent = all_failures(message_from_bytes(content))
    report = read_report(content, "")
    if permanent:
        assert report.kind in (Kind.BOUNCE, Kind.SOFT_BOUNCE)
    elif temporary:
        assert report.kind is Kind.DELAY
    else:
        assert report.kind in (Kind.UNKNOWN, Kind.AUTO_REPLY)
    if named := {address.decode("utf-8", "replace").lower() for address in permanent | temporary}:
        assert report.recipient.lower() in named


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("bounce_02", "bounce", "bad_mailbox"),
        ("dsn_02", "soft_bounce", "temporary"),
        ("dsn_03", "bounce", "full"),
        ("dsn_05", "delay", "temporary"),
        ("dsn_10", "bounce", "bad_mailbox"),
        ("dsn_11", "bounce", "bad_mailbox"),
        ("dsn_17", "delay", "full"),
        ("dsn_18", "bounce", "bad_domain"),
        ("exim_01", "bounce", "bad_mailbox"),
        ("groupwise_01", "bounce", "bad_mailbox"),
        ("hotpop_01", "bounce", "full"),
        ("microsoft_01", "bounce", "bad_mailbox"),
        ("postfix_01", "bounce", "bad_mailbox"),
        ("postfix_02", "bounce", "bad_domain"),
        ("qmail_02", "bounce", "full"),
        ("qmail_04", "bounce", "bad_mailbox"),
        ("qmail_08", "auto_reply", "unknown"),
        ("simple_03", "delay", "temporary"),
        ("simple_07", "bounce", "full"),
        ("simple_16", "bounce", "inactive"),
        ("simple_39", "bounce", "bad_mailbox"),
        ("simple_42", "bounce", "spam"),
        ("yahoo_01", "soft_bounce", "temporary"),
        ("yahoo_03", "bounce", "inactive"),
        ("yahoo_11", "bounce", "bad_mailbox"),
        ("dumbass_01", "unknown", "unknown"),
    ],
)
def test_real_bounces_have_their_reason(name, kind, reason) -> None:
    report = read_report(BOUNCES[name], "")
    assert (report.kind, report.reason) == (Kind(kind), Reason(reason))


def test_same_mail_has_the_same_key_and_another_another() -> None:
    nameless = dsn().replace(b"Message-ID: <dsn-1@mx.example.net>\r\n", b"")
    keys = {
        read_report(nameless, "").key,
        read_report(nameless + b"x", "").key,
        read_report(dsn(), "").key,
    }
    assert len(keys) == 3
    assert read_report(nameless, "").key == read_report(nameless, "").key


@given(st.binary(max_size=400), st.binary(max_size=100))
def test_nothing_that_comes_is_too_odd(content, more) -> None:
    for odd in (
        content,
        dsn() + content,
        dsn().replace(b"5.1.1", more),
        arf(original="") + content,
    ):
        assert read_complaint(odd, feedback=True).kind in (
            Kind.UNKNOWN,
            Kind.COMPLAINT,
            Kind.NOTICE,
        )
        report = read_report(odd, "ann@example.org")
        for text in (report.text, report.recipient, report.why, report.key, report.reporter):
            assert "\0" not in text
            text.encode()
    assert "\0" not in subject_of(b"Subject: " + content)


def test_deeply_nested_mail_is_unknown_and_no_fault() -> None:
    head = b"Content-Type: message/rfc822\r\n\r\n"
    assert read_report(head * 20_000, "").kind is Kind.UNKNOWN
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3000)
    )
    assert read_report(nested, "").kind is Kind.UNKNOWN


def test_one_long_line_costs_no_more_than_its_beginning() -> None:
    head = b"From: MAILER-DAEMON@x\r\n\r\ndid not reach the following recipient(s):\r\n"
    assert read_report(head + b"(" * 2_000_000, "").kind is Kind.UNKNOWN  # else it takes hours


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (b"multipart/mixed; boundary=a", b"--a\r\n\r\n"),
        (b"message/delivery-status", b"a:b\r\n\r\n"),
        (b"message/feedback-report", b"a:b\r\n\r\n"),
    ],
)
def test_mail_of_a_million_parts_is_not_taken_apart(header, part) -> None:
    content = b"Content-Type: " + header + b"\r\n\r\n" + part * 1_000_000
    assert sum(1 for _ in parsed(content).walk()) <= MOST_READ // len(part) + 1
    assert read_report(content, "ann@example.org").kind is Kind.UNKNOWN


def test_parts_within_parts_within_parts_are_for_people() -> None:
    level = b"Content-Type: multipart/mixed; BOUNDARY=a%d\r\n\r\n--a%d\r\n"
    report = read_report(b"".join(level % (n, n) for n in range(100)), "ann@example.org")
    assert (report.kind, report.why) == (Kind.UNKNOWN, "it can't be read (TooIntricate)")


def test_why_it_is_for_people_has_no_words_of_the_sender() -> None:
    reports = [read_report(arf(kind), "ann@example.org") for kind in ("auth-failure", "x-1", "")]
    assert {report.kind for report in reports} == {Kind.UNKNOWN}
    assert {report.why for report in reports} == {"feedback that is no complaint"}


def test_field_of_very_many_parameters_is_for_people() -> None:
    folded = b'Content-Type: multipart/mixed; boundary="' + b";\r\n " * 201 + b"\r\n\r\n"
    report = read_report(b"Subject: x\r\n" + folded, "ann@example.org")
    assert (report.kind, report.why) == (Kind.UNKNOWN, "it can't be read (TooIntricate)")


def test_notification_that_encloses_a_large_mail_is_read() -> None:
    report = read_report(dsn(original="Subject: x\n\n" + "word\n" * 1_000_000), "ann@example.org")
    assert (report.kind, report.reason) == (Kind.BOUNCE, Reason.BAD_MAILBOX)
