"""Opens and clicks that were answered are kept, whatever is killed after the answer."""

import threading
from collections import Counter

import pytest
import requests

from tests.system import System, wait_until
from tracking.tokens import Keyring

pytestmark = pytest.mark.services
READERS = 12


@pytest.fixture
def system(tmp_path, postgres, redis):
    with System(tmp_path / "var", DATABASE_URL=postgres.url, REDIS_URL=redis.url) as running:
        yield running


class Readers:
    """Threads that fetch pixel and link in turn and write down what was answered."""

    def __init__(self, system):
        system.start_web()
        system.post()
        [(email_id, recipient_id)] = system.query("SELECT email_id, id FROM recipients")
        keys = Keyring(system.environment["TRACKING_KEYS"].split(","))
        click = keys.click_token(email_id, recipient_id, "https://example.net/")
        pixel = keys.open_token(email_id, recipient_id)
        self.urls = [f"{system.url}/t/o/{pixel}.gif", f"{system.url}/t/c/{click}"]
        self.system, self.answered, self.refused = system, Counter(), Counter()
        self.wrong = Counter()  # by status
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(READERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _read(self, reader):
        number = 0
        while not self._done.is_set():
            number += 1
            name = f"{reader}-{number}"
            try:
                answer = requests.get(
                    self.urls[number % 2],
                    headers={"User-Agent": name},
                    allow_redirects=False,
                    timeout=20,
                )
            except requests.RequestException:
                self.refused[name] += 1
            else:
                if answer.status_code in (200, 302):
                    self.answered[name] += 1
                else:
                    self.wrong[answer.status_code] += 1

    def wait_for(self, count):
        wait_until(lambda: len(self.answered) >= count, 60)

    def stored(self):
        found = self.system.query(
            "SELECT data->>'user_agent' FROM email_events WHERE type IN ('open', 'click')"
        )
        return Counter(name for (name,) in found)


def test_no_answered_hit_is_lost_when_web_is_killed(system):
    with Readers(system) as readers:
        readers.wait_for(300)
        system.kill("web")
        wait_until(lambda: readers.refused, 30)
    assert not readers.wrong
    stored = readers.stored()
    assert readers.answered - stored == Counter()
    assert set(stored.values()) == {1}
    assert len(stored - readers.answered) <= READERS  # those whose answer was on its way


def test_hits_go_to_the_spool_while_the_database_is_away_and_all_come_home(system, postgres):
    with Readers(system) as readers:
        readers.wait_for(200)
        postgres.kill()
        before = len(readers.answered)
        readers.wait_for(before + 200)
        spool = system.folder / "spool"
        assert list(spool.glob("*.jsonl"))
        postgres.start()
        before = len(readers.answered)
        readers.wait_for(before + 200)
    assert not readers.refused + readers.wrong
    wait_until(lambda: not list(spool.glob("*.jsonl")), 30)
    assert readers.answered - readers.stored() == Counter()
