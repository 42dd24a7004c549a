"""What a worker counts, by real deliveries, and its own endpoint."""

import socket
import urllib.request
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from delivery import metrics
from delivery.exposition import serve_metrics
from delivery.smtp import Outcome, OutcomeKind, Phase
from delivery.smtp.tests.scripted import ScriptedServer
from delivery.tests.conftest import running
from delivery.tests.waiting import wait_until
from delivery.transports.capture import CaptureTransport
from delivery.transports.relay import RelayTransport
from delivery.transports.url import endpoint_of
from emails.models import Email, Recipient, Status
from emails.tests.factories import make_email
from tests.servers import free_port

SCRIPTED = {"transport": "scripted"}
database = pytest.mark.django_db(transaction=True)


class Scripted(CaptureTransport):
    """Answers every mail with one outcome."""

    name = "scripted"

    def __init__(self, outbox, kind, **rest):
        super().__init__(outbox)
        self._outcome = Outcome(kind, Phase.DOT, "mx.example.org", "", **rest)

    def send(self, envelope):
        return self._outcome


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def attempts(transport):
    return {
        status.value: sample("mailer_attempts_total", transport=transport, outcome=status.value)
        for status in metrics.OUTCOMES
    }


def none_waits():
    return not Recipient.objects.filter(attempts=0).exists() and not (
        Recipient.objects.filter(status=Status.SENDING).exists()
    )


@database
@pytest.mark.parametrize(
    ("kind", "ambiguous", "outcome"),
    [
        (OutcomeKind.DELIVERED, False, "delivered"),
        (OutcomeKind.BOUNCED, False, "bounced"),
        (OutcomeKind.DEFERRED, False, "deferred"),
        (OutcomeKind.DEFERRED, True, "deferred"),
    ],
)
def test_attempt_is_counted_once_with_its_outcome(tmp_path, kind, ambiguous, outcome):
    before, unsure = attempts("scripted"), sample("mailer_attempts_ambiguous_total", **SCRIPTED)
    make_email()
    with running(Scripted(tmp_path, kind, ambiguous=ambiguous)):
        wait_until(none_waits)
    assert attempts("scripted") == before | {outcome: before[outcome] + 1}
    assert sample("mailer_attempts_ambiguous_total", **SCRIPTED) == unsure + ambiguous


@database
def test_mail_whose_time_is_over_counts_as_expired(capture):
    before = attempts("capture")
    make_email()
    Email.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with running(capture):
        wait_until(none_waits)
    assert attempts("capture") == before | {"expired": before["expired"] + 1}


@database
def test_mail_that_can_not_be_made_counts_as_failed(capture):
    before = attempts("capture")
    make_email()
    Email.objects.update(headers={"X-Bad": "a\r\nb"})
    with running(capture):
        wait_until(none_waits)
    assert attempts("capture") == before | {"failed": before["failed"] + 1}


STAGES = [
    ("mailer_claim_seconds_count", {}),
    ("mailer_compose_seconds_count", {}),
    ("mailer_send_seconds_count", {"transport": "capture"}),
    ("mailer_settle_seconds_count", {}),
    ("mailer_settle_batch_size_sum", {}),
    ("mailer_claimed_recipients_total", {}),
]


@database
def test_every_stage_of_a_delivery_is_timed(capture):
    before = [sample(name, **labels) for name, labels in STAGES]
    for _ in range(3):
        make_email()
    with running(capture):
        wait_until(none_waits)
    grown = [
        sample(name, **labels) - old for (name, labels), old in zip(STAGES, before, strict=True)
    ]
    assert grown[0] >= 1  # empty claims are timed too
    assert grown[1:3] == [3, 3]
    assert 1 <= grown[3] <= 3  # commits are shared
    assert grown[4:] == [3, 3]
    assert sample("mailer_deliveries_in_flight") == 0


@database
def test_lease_that_ran_out_is_counted(capture):
    before = sample("mailer_leases_lost_total")
    make_email()
    moment = timezone.now() - timedelta(seconds=5)
    Recipient.objects.update(status=Status.SENDING, next_attempt_at=moment, attempts=1)
    with running(capture):
        wait_until(lambda: Recipient.objects.get().status == Status.DELIVERED)
    assert sample("mailer_leases_lost_total") == before + 1


@database
def test_connections_to_the_relay_are_counted_while_they_are_open():
    with ScriptedServer() as server:
        url = f"smtp://{server.host}:{server.port}?tls=none"
        relay = RelayTransport(endpoint_of(url, "me.example"))
        metrics.expose(relay)
        assert sample("mailer_connections_open", transport="relay") == 0
        make_email()
        with running(relay):
            wait_until(lambda: sample("mailer_connections_open", transport="relay") == 1)
            wait_until(none_waits)
            assert sample("mailer_connections_open", transport="relay") == 1  # kept
        assert sample("mailer_connections_open", transport="relay") == 0
    assert len(server.messages) == 1


def scraped(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return {f.name: f for f in text_string_to_metric_families(answer.read().decode())}


def test_worker_serves_its_metrics_from_the_first_scrape_on(settings, capture):
    settings.METRICS_PORT = free_port()
    metrics.expose(capture)
    end = serve_metrics()
    families = scraped(settings.METRICS_PORT)
    end()
    outcomes = {
        s.labels["outcome"]
        for s in families["mailer_attempts"].samples
        if s.labels["transport"] == "capture" and s.name.endswith("_total")
    }
    assert outcomes == {"delivered", "deferred", "bounced", "expired", "failed"}
    assert families["mailer_connections_open"].type == "gauge"
    with pytest.raises(OSError, match="refused"):
        scraped(settings.METRICS_PORT)


def test_port_that_is_taken_costs_the_numbers_and_no_mail(settings, caplog):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.METRICS_PORT = listener.getsockname()[1]
        serve_metrics()()
    assert "METRICS_PORT can't be used" in caplog.text


def test_port_0_serves_nothing(settings, monkeypatch):
    settings.METRICS_PORT = 0
    served = []
    monkeypatch.setattr("delivery.exposition.start_http_server", lambda *a: served.append(a))
    serve_metrics()()
    assert served == []
