"""Scrapes of real processes: two web processes with one sum, a worker, a database that goes."""

import json

import pytest
import requests
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port
from tests.system import START_SECONDS, System, wait_until


def start_two_web_processes(system):
    options = ("--interface", "wsgi", "--port", str(system.port), "--workers", "2")
    system.start("web", "granian", *options, "mailer.wsgi:application")
    wait_until(system.answers, START_SECONDS)


def scrape(url):
    """Return every sample of a page of metrics by its name and labels."""
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def accepted_by_process(folder):
    """Read what each web process counted, from its own file."""
    counts = {}
    for file in folder.glob("metrics/*/counter_*.db"):
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):
            if json.loads(key)[1] == "mailer_emails_accepted_total":
                counts[file.name] = value
    return counts


def test_two_web_processes_and_a_worker_are_counted_right(tmp_path):
    port = free_port()
    with System(tmp_path / "var", METRICS_PORT=str(port)) as system:
        start_two_web_processes(system)
        sent = send_until_both_counted(system)
        for _ in range(4):  # whichever process answers
            seen = scrape(f"{system.url}/metrics")
            assert seen["mailer_emails_accepted_total",] == sent
            assert seen["mailer_queue_recipients", "queued"] == sent
        assert seen["mailer_database_up",] == 1
        system.start_worker()
        wait_until(lambda: system.statuses() == {"delivered": sent}, 30)
        url = f"http://127.0.0.1:{port}/metrics"
        wait_until(lambda: scrape(url)["mailer_attempts_total", "capture", "delivered"] == sent, 5)
        worker = scrape(url)
        assert worker["mailer_send_seconds_count", "capture"] == sent
        assert worker["process_resident_memory_bytes",] > 0
        assert scrape(f"{system.url}/metrics")["mailer_queue_recipients", "queued"] == 0


def send_until_both_counted(system):
    """Return how many mails were sent, each over a connection that any process may take."""
    for sent in range(1, 200):
        answer = requests.post(
            f"{system.url}/api/emails", json=MAIL, headers=system.http.headers, timeout=30
        )
        assert answer.status_code == 202
        if sum(count > 0 for count in accepted_by_process(system.folder).values()) == 2:
            return sent
    raise AssertionError("one process took every request")


MAIL = {
    "to_email": "ann@example.org",
    "to_name": "Ann",
    "from_email": "shop@example.com",
    "subject": "Your order",
    "html_body": "<p>It is on its way.</p>",
}


@pytest.mark.services
def test_metrics_say_that_the_database_is_away(tmp_path, postgres):
    with System(tmp_path / "var", DATABASE_URL=postgres.url) as system:
        system.start_web()
        url = f"{system.url}/metrics"
        assert system.post().status_code == 202
        assert scrape(url)["mailer_queue_recipients", "queued"] == 1
        postgres.pause()
        away(scrape(url))
        postgres.resume()
        wait_until(lambda: scrape(url)["mailer_database_up",] == 1, 20)
        postgres.kill()
        away(scrape(url))
        postgres.start()
        wait_until(lambda: scrape(url)["mailer_database_up",] == 1, 20)


def away(seen):
    assert seen["mailer_database_up",] == 0
    assert seen["mailer_emails_accepted_total",] == 1  # what was counted is told all the same
    assert not [name for name, *_ in seen if name.startswith("mailer_queue")]
