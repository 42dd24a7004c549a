"""PostgreSQL dies, ends or falls silent: 503 with Retry-After, links work, and nothing is lost."""

import email
import email.policy
import re
import signal
import time

import psycopg
import pytest
import requests

from tests.system import System, wait_until

pytestmark = pytest.mark.services
AWAY_SECONDS = 20


@pytest.fixture
def system(tmp_path, postgres, redis):
    with System(tmp_path / "var", DATABASE_URL=postgres.url, REDIS_URL=redis.url) as running:
        yield running


def let_postgres_go(postgres, how):
    """Have PostgreSQL die, end at once, or fall silent; return what brings it back."""
    if how == "paused":
        postgres.pause()
        return postgres.resume
    if how == "killed":
        postgres.kill()
    else:
        postgres.stop(signal.SIGQUIT)
    return postgres.start


@pytest.mark.parametrize("how", ["killed", "stopped at once", "paused"])
def test_database_outage_is_answered_with_503_and_links_go_on_working(system, postgres, how):
    system.start_web()
    system.start_worker()
    message_id = system.post(html_body='<a href="https://example.net/a?b=1&amp;c=2">x</a>').json()[
        "message_id"
    ]
    wait_until(lambda: message_id in system.captured(), 30)
    [eml] = (system.folder / "outbox").glob("*.eml")
    link = tracked_link(eml.read_bytes(), system.url)
    bring_back = let_postgres_go(postgres, how)
    ends = time.monotonic() + AWAY_SECONDS

    # Refused before its body was read, a request may cost its connection: no next one goes over it.
    system.http.headers["Connection"] = "close"
    refused = [system.post()]
    while time.monotonic() < ends:
        refused.append(system.post())
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json()["error"]["code"] == "unavailable"
    answer = requests.get(link, allow_redirects=False, timeout=20)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "https://example.net/a?b=1&c=2",
    )
    assert requests.get(f"{system.url}/readyz", timeout=20).status_code == 503
    assert system.answers()

    bring_back()
    wait_until(lambda: "click" in events_in(postgres), 20)
    again = system.post().json()["message_id"]
    wait_until(lambda: again in system.captured(), 20)
    assert set(system.captured()) == {message_id, again}


def tracked_link(content, base):
    message = email.message_from_bytes(content, policy=email.policy.default)
    html = message.get_body(("html",)).get_content()
    return re.search(rf'"({re.escape(base)}/t/c/[^"]+)"', html)[1]


def events_in(postgres):
    with psycopg.connect(postgres.url) as database:
        return {row[0] for row in database.execute("SELECT type FROM email_events")}
