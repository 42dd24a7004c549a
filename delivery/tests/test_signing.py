"""Delivered mail is signed for the domain of its From; dkimpy verifies it with what DNS shows."""

import email
from dataclasses import replace
from email.policy import default as READER

import dkim
import pytest

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_domain, make_project, make_signing_key
from delivery import claim, identity, pipeline
from delivery.identity import Identity, RecentIdentities, Sender
from delivery.pipeline import NotNow, compose
from delivery.smtp.tests.scripted import ScriptedServer
from delivery.tests.conftest import running
from delivery.tests.waiting import everything_is_final, wait_until
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoint_of
from emails.addresses import Address
from emails.models import Email, EventType, Recipient, Status
from emails.tests.factories import make_email

BOTH = (DkimKey.Algorithm.RSA, DkimKey.Algorithm.ED25519)
SENDER = Address("shop@example.com", "Shop")
MX_IS_RIGHT = {"purpose": "return_path", "type": "MX", "name": "bounces.example.com"}


def make_signing_domain(project=None, name="example.com", algorithms=BOTH, **values):
    domain = make_domain(project, name, **values)
    for algorithm in algorithms:
        make_signing_key(domain, algorithm)
    return domain


def published(name, timeout=0):
    """What DNS shows of the keys that we have to publish."""
    records = {f"{key.record.name}.".encode(): key.record.value for key in keys()}
    return records[name].encode() if name in records else None


def keys():
    return DkimKey.objects.to_publish().select_related("domain")


def signatures(message):
    """The domain and the algorithm of each signature, topmost first; all of them verify."""
    fields = email.message_from_bytes(message).get_all("DKIM-Signature", [])
    for index in range(len(fields)):
        assert dkim.DKIM(message).verify(index, dnsfunc=published)
    found = [dict(tag.strip().split("=", 1) for tag in field.split(";")) for field in fields]
    return [(tags["d"], tags["a"]) for tags in found]


def claimed():
    [delivery] = claim.claim(1, 60)
    return delivery


def composed():
    return compose(claimed()).content


@pytest.mark.django_db(transaction=True)
def test_relayed_mail_is_signed_by_both_keys_for_each_recipient():
    domain = make_signing_domain()
    make_email(
        domain.project, sender=SENDER, cc=(Address("bob@example.org"),), text_body=".\n\n. a\n\n"
    )
    with ScriptedServer() as server:
        transport = RelayTransport(
            endpoint_of(f"smtp://127.0.0.1:{server.port}?tls=none", "me.example")
        )
        with running(transport):
            wait_until(everything_is_final)
    assert len(server.messages) == 2
    for message in server.messages:
        expected = [("example.com", "rsa-sha256"), ("example.com", "ed25519-sha256")]
        assert signatures(message.data) == expected


@pytest.mark.django_db(transaction=True)
def test_captured_mail_is_signed_and_a_changed_one_is_not(capture, outbox):
    make_email(
        make_signing_domain().project, html_body='<a href="https://x.test/?a=1&amp;b=2">ü</a>'
    )
    with running(capture):
        wait_until(everything_is_final)
    [message] = [file.read_bytes() for file in outbox.glob("*.eml")]
    assert len(signatures(message)) == 2
    changed = message.replace(b"Your order", b"My order")
    assert not dkim.DKIM(changed).verify(0, dnsfunc=published)
    assert not dkim.DKIM(changed).verify(1, dnsfunc=published)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sender", "signs"),
    [
        ("shop@example.com", "example.com"),
        ("shop@a.b.example.com", "example.com"),
        ("shop@news.example.com", "news.example.com"),
        ("shop@a.news.example.com", "news.example.com"),
        ("shop@new.example.com", "example.com"),  # verified, but its keys are not in DNS yet
        ("shop@bücher.example", "xn--bcher-kva.example"),
        ("shop@example.org", None),  # keys without proof that the domain is the project's
        ("shop@example.net", None),  # somebody else's
        ("shop@other.example", None),
    ],
)
def test_mail_is_signed_for_the_closest_domain_that_can(sender, signs):
    project = make_signing_domain(algorithms=BOTH[1:]).project
    for name in ("news.example.com", "xn--bcher-kva.example"):
        make_signing_domain(project, name, algorithms=BOTH[1:])
    make_domain(project, "new.example.com").generate_keys()
    make_signing_domain(project, "example.org", algorithms=BOTH[1:], verified_at=None)
    make_signing_domain(name="example.net", algorithms=BOTH[1:])
    make_email(project, sender=Address(sender))
    assert signatures(composed()) == ([(signs, "ed25519-sha256")] if signs else [])


@pytest.mark.django_db
def test_rotation_signs_with_the_old_keys_until_the_new_ones_are_seen():
    domain = make_signing_domain()
    old = {key.selector for key in domain.dkim_keys.all()}
    new = domain.generate_keys()
    for _ in range(3):
        make_email(domain.project)
    assert selectors(composed()) == old
    assert new[0].activate()
    assert selectors(composed()) == {
        new[0].selector,
        domain.dkim_keys.signing().get(algorithm="ed25519").selector,
    }
    assert new[1].activate()
    assert selectors(composed()) == {key.selector for key in new}


def selectors(message):
    assert signatures(message)  # each verifies
    fields = email.message_from_bytes(message, policy=READER).get_all("DKIM-Signature")
    return {field.partition("s=")[2].partition(";")[0] for field in fields}


@pytest.mark.django_db
def test_mail_goes_as_it_was_accepted_when_its_domain_was_removed_meanwhile():
    domain = make_signing_domain(algorithms=BOTH[1:])
    make_email(domain.project)
    domain.delete()
    assert signatures(composed()) == []


@pytest.mark.django_db(transaction=True)
def test_from_that_has_no_a_labels_keeps_no_other_mail_from_going(capture, outbox):
    project = make_signing_domain(algorithms=BOTH[1:]).project
    broken, sound = make_email(project), make_email(project)
    Email.objects.filter(pk=broken.pk).update(from_email="shop@bü..example")
    with running(capture):
        wait_until(everything_is_final)
    assert broken.recipients.get().status == Status.FAILED
    assert sound.recipients.get().status == Status.DELIVERED


@pytest.mark.django_db(transaction=True)
def test_mail_waits_while_its_key_cannot_be_decrypted(settings, capture, outbox):
    project = make_signing_domain(algorithms=BOTH[1:]).project
    right, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, ["x" * 32]
    message = make_email(project)
    with running(capture):
        wait_until(lambda: Recipient.objects.get().status == Status.DEFERRED)
        assert not [*outbox.glob("*.eml")]
        event = message.events.get(type=EventType.DEFER)
        assert "ENCRYPTION_KEYS lacks the key" in event.data["reason"]
        settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, *right]
        Recipient.objects.update(next_attempt_at=message.created_at)
        wait_until(everything_is_final)
    [message] = [file.read_bytes() for file in outbox.glob("*.eml")]
    assert len(signatures(message)) == 1


@pytest.mark.django_db
def test_undecryptable_key_names_no_secret(settings, caplog):
    make_email(make_signing_domain(algorithms=BOTH[1:]).project)
    delivery = claimed()
    settings.ENCRYPTION_KEYS = ["x" * 32]
    with pytest.raises(NotNow, match="it can't be signed") as refusal:
        compose(delivery)
    [kept] = delivery.identity.keys
    assert kept.private_key not in str(refusal.value) + caplog.text + repr(delivery)


@pytest.mark.django_db
def test_key_is_decrypted_and_parsed_once_in_a_process(monkeypatch):
    project = make_signing_domain().project
    make_email(project)
    once = claimed().identity.signers
    monkeypatch.setattr("delivery.identity.decrypt", lambda kept: pytest.fail("decrypted again"))
    make_email(project)
    again = claimed().identity
    assert again.signers == once
    with pytest.raises(pytest.fail.Exception):
        _ = replace(again, domain="other.example").signers


@pytest.mark.django_db(transaction=True)
def test_mails_that_begin_together_are_written_in_a_row_and_then_signed_in_a_row(
    capture, monkeypatch
):
    project = make_signing_domain().project
    steps = []

    def noted(step, function):
        return lambda *given: steps.append(step) or function(*given)

    monkeypatch.setattr(pipeline, "assemble", noted("written", pipeline.assemble))
    monkeypatch.setattr(pipeline.dkim, "sign", noted("signed", pipeline.dkim.sign))
    monkeypatch.setattr("delivery.hub.ROW_SECONDS", 60)
    for _ in range(3):
        make_email(project)
    with running(capture):
        wait_until(everything_is_final)
    assert steps == ["written"] * 3 + ["signed"] * 3


@pytest.mark.django_db
def test_composing_asks_the_database_for_nothing(django_assert_num_queries):
    make_email(make_signing_domain().project)
    delivery = claimed()
    with django_assert_num_queries(0):
        compose(delivery)


@pytest.mark.django_db
def test_identities_of_many_senders_cost_two_queries(django_assert_num_queries):
    domains = [
        make_signing_domain(name=f"n{number}.example", algorithms=BOTH[1:]) for number in range(20)
    ]
    senders = {Sender(domain.project_id, f"news.{domain.name}") for domain in domains}
    with django_assert_num_queries(2):
        found = identity.load(senders)
    assert {sender: f"news.{found[sender].domain}" for sender in senders} == {
        sender: sender.domain for sender in senders
    }


@pytest.mark.django_db
def test_senders_without_domains_cost_one_query(django_assert_num_queries):
    sender = Sender(make_project().pk, "example.com")
    with django_assert_num_queries(1):
        assert identity.load({sender}) == {sender: Identity()}


@pytest.mark.django_db
def test_pump_asks_for_an_identity_once_in_seconds(monkeypatch, django_assert_num_queries):
    now = [1000.0]
    monkeypatch.setattr("delivery.identity.time.monotonic", lambda: now[0])
    domain, recent = make_signing_domain(algorithms=BOTH[1:]), RecentIdentities()
    sender, other = Sender(domain.project_id, domain.name), Sender(domain.project_id, "x.example")
    with django_assert_num_queries(2):
        first = recent.load({sender})[sender]
    with django_assert_num_queries(1):  # only the one that is new
        assert recent.load({sender, other})[sender] == first
    with django_assert_num_queries(0):
        assert recent.load({sender, other})[other] == Identity()
    now[0] += identity.RECENT_SECONDS
    domain.delete()
    assert recent.load({sender}) == {sender: Identity()}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("findings", "host"),
    [
        ([], None),
        ([MX_IS_RIGHT | {"state": "right"}], "bounces.example.com"),
        ([MX_IS_RIGHT | {"state": "wrong"}], None),
        ([MX_IS_RIGHT | {"state": "missing"}], None),
        ([MX_IS_RIGHT | {"state": "unknown"}], None),
        ([MX_IS_RIGHT | {"state": "right", "purpose": "mail"}], None),
        (
            [
                MX_IS_RIGHT | {"state": "right", "type": "TXT"},
                MX_IS_RIGHT | {"state": "missing"},
            ],
            None,
        ),
    ],
)
def test_bounces_return_to_the_domain_where_dns_leads_them_to_us(findings, host):
    domain = make_domain(findings=findings)
    [found] = identity.load({Sender(domain.project_id, "example.com")}).values()
    assert found == Identity("example.com", (), host)


@pytest.mark.django_db
def test_retired_key_signs_nothing_even_where_it_was_used():
    domain = make_signing_domain(algorithms=BOTH[1:])
    make_email(domain.project)
    make_email(domain.project)
    assert len(signatures(composed())) == 1
    SendingDomain.objects.get().dkim_keys.get().retire()
    assert signatures(composed()) == []
