"""Wrong settings: one sentence that names the variable, from every entry, before anything runs."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from delivery.smtp.dns import Resolver

ROOT = Path(__file__).resolve().parents[2]
RELAY = "smtp://user:open%2Fsesame@relay.example.com:587?tls=starttls"
GOOD = {
    "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
    "TRACKING_KEYS": "tests-only-0123456789-abcdefghijkl",
    "ENCRYPTION_KEYS": "tests-only-0123456789-mnopqrstuvwx",
    "PUBLIC_URL": "https://mail.example.test",
    "MAIL_TRANSPORT": "capture",
}
ENTRIES = {
    "manage.py": ["manage.py", "check"],
    "web": ["-c", "import mailer.wsgi"],
    "worker": ["-m", "celery", "-A", "mailer", "worker"],
    "beat": ["-m", "celery", "-A", "mailer", "beat", "--pidfile", ""],
}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Only what a test sets, and a data folder without settings of `make run`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (kept | GOOD | {"VAR": str(tmp_path / "var")}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def loaded(environment, **changes):
    """Read the settings anew; None unsets a variable."""
    for name, value in changes.items():
        if value is None:
            environment.delenv(name, raising=False)
        else:
            environment.setenv(name, value)
    return runpy.run_path(str(ROOT / "mailer" / "settings.py"))


def test_mail_of_a_killed_worker_goes_again_within_a_minute_as_a_rule(environment):
    settings = loaded(environment)
    assert settings["LEASE_SECONDS"] + settings["LOOK_SECONDS"] <= 50  # the rest is to take it over


def sentence(environment, **changes):
    with pytest.raises(ImproperlyConfigured) as refusal:
        loaded(environment, **changes)
    said = str(refusal.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "  "),
        ("PUBLIC_URL", None),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "mail.example.com"),
        ("PUBLIC_URL", "ftp://mail.example.com"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://mail.example.com:port"),
        ("PUBLIC_URL", "https://mail.example.com:99999"),
        ("PUBLIC_URL", "https://[::1"),
        ("PUBLIC_URL", "https://mail.example.com/?a=b"),
        ("PUBLIC_URL", "https://mail.example.com/#top"),
        ("TRACKING_KEYS", None),
        ("TRACKING_KEYS", ""),
        ("TRACKING_KEYS", ","),
        ("TRACKING_KEYS", "short"),
        ("TRACKING_KEYS", "x" * 32 + ",short"),
        ("ENCRYPTION_KEYS", None),
        ("ENCRYPTION_KEYS", ""),
        ("ENCRYPTION_KEYS", "x" * 31),
        ("ENCRYPTION_KEYS", "x" * 32 + ",short"),
        ("MAIL_TRANSPORT", None),
        ("MAIL_TRANSPORT", ""),
        ("MAIL_TRANSPORT", "pigeon"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "postgres://user@host:port/name"),
        ("REDIS_URL", "garbage"),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "redis://localhost:port"),
        ("REDIS_URL", "redis://localhost:99999"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("PRIVATE_NETWORKS", "10.0.0.0/33"),
        ("MTA_STS", "perhaps"),
        ("ALLOWED_HOSTS", ","),
        ("UPLOADS_PUBLIC_URL", "cdn.example.com"),
        ("S3_ENDPOINT_URL", "minio:9000"),
        ("DEBUG", "perhaps"),
        ("ALLOW_ANY_FROM", "perhaps"),
        ("STATIC_COLLECTED", "perhaps"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
        ("MAX_RECIPIENTS", "0"),
        ("MAX_RECIPIENTS", "many"),
        ("MAX_RECIPIENTS", "10001"),
        ("MAX_MESSAGE_BYTES", "-1"),
        ("MAX_UPLOAD_BYTES", "25MB"),
        ("LISTENER_MAX_BYTES", "1000000"),  # less than one message may have
        ("DELIVERY_CONCURRENCY", "2001"),
        ("RELAY_MAX_CONNECTIONS", "0"),
        ("LEASE_SECONDS", "4"),
        ("LOOK_SECONDS", "nan"),
        ("LOOK_SECONDS", "inf"),
        ("DRAIN_SECONDS", "-1"),
        ("RETRY_FIRST_SECONDS", "1.5"),
        ("RETRY_JITTER", "0.6"),
        ("RETRY_FOR_SECONDS", "1e99"),
        ("DATABASE_CONN_MAX_AGE", "-1"),
        ("HSTS_SECONDS", "-1"),
        ("INBOUND_LISTEN", "25"),
        ("INBOUND_LISTEN", "0.0.0.0"),
        ("INBOUND_LISTEN", "0.0.0.0:0"),
        ("INBOUND_LISTEN", "0.0.0.0:65536"),
        ("INBOUND_LISTEN", "mail.example.com:25"),
        ("INBOUND_LISTEN", "::1:25"),
        ("INBOUND_LISTEN", "[127.0.0.1]:25"),
        ("RETURN_PATH_DOMAIN", "localhost"),
        ("RETURN_PATH_DOMAIN", "bounces@example.com"),
        ("RETURN_PATH_DOMAIN", "bounces.example.com:25"),
        ("RETURN_PATH_DOMAIN", f"{'x' * 64}.example.com"),
        ("RETURN_PATH_DAYS", "0"),
        ("INBOUND_MAX_BYTES", "10MB"),
        ("INBOUND_MAX_CONNECTIONS", "0"),
        ("INBOUND_CONNECTIONS_PER_ADDRESS", "0"),
        ("INBOUND_MAILS_PER_MINUTE", "0"),
    ],
)
def test_wrong_setting_is_named_in_one_sentence(environment, name, value):
    assert sentence(environment, **{name: value}).startswith(f"{name} ")


@pytest.mark.parametrize("name", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
def test_certificate_and_key_belong_together(environment, name):
    assert "belong together" in sentence(environment, **{name: "/run/tls/a.pem"})


def test_addresses_of_listeners_are_read(environment):
    read = loaded(
        environment, INBOUND_LISTEN="127.0.0.1:25, [::1]:2525", RETURN_PATH_DOMAIN="B.Example."
    )
    assert read["INBOUND_LISTEN"] == [("127.0.0.1", 25), ("::1", 2525)]
    assert read["RETURN_PATH_DOMAIN"] == "b.example"
    assert loaded(environment, INBOUND_LISTEN=None)["INBOUND_LISTEN"] == []


def test_relay_without_a_url_is_named(environment):
    said = sentence(environment, MAIL_TRANSPORT="relay")
    assert said.startswith("SMTP_RELAY_URL is not set.")


@pytest.mark.parametrize(
    "wrong",
    [
        ",",
        "relay.example.com",
        f"{RELAY},relay.example.com",
        f"{RELAY},http://relay.example.com",
        f"{RELAY},smtp://relay.example.com:0",
        "smtp://user:open,sesame@relay.example.com",
    ],
)
def test_wrong_list_of_relays_is_named_in_one_sentence(environment, wrong):
    said = sentence(environment, MAIL_TRANSPORT="relay", SMTP_RELAY_URL=wrong)
    assert said.startswith("SMTP_RELAY_URL ")
    assert "a comma in a password is %2C" in said
    assert "sesame" not in said


def test_relays_are_taken_in_their_order_and_as_many_connections_as_deliveries(environment):
    taken = loaded(
        environment,
        MAIL_TRANSPORT="relay",
        SMTP_RELAY_URL=f"{RELAY}, smtps://two.example.com/,",
        DELIVERY_CONCURRENCY="33",
    )
    assert taken["SMTP_RELAY_URL"] == [RELAY, "smtps://two.example.com"]
    assert taken["RELAY_MAX_CONNECTIONS"] == 33
    assert loaded(environment, RELAY_MAX_CONNECTIONS="7")["RELAY_MAX_CONNECTIONS"] == 7


@pytest.mark.parametrize(
    ("transport", "in_flight", "connections"), [("relay", 50, 50), ("mx", 200, 50)]
)
def test_many_servers_are_tried_at_once_and_fewer_connections_made_to_a_relay(
    environment, transport, in_flight, connections
):
    taken = loaded(environment, MAIL_TRANSPORT=transport, SMTP_RELAY_URL=RELAY)
    assert taken["DELIVERY_CONCURRENCY"] == in_flight
    assert taken["RELAY_MAX_CONNECTIONS"] == connections


def test_mail_exchangers_need_no_relay(environment):
    taken = loaded(environment, MAIL_TRANSPORT="mx")
    assert taken["SMTP_RELAY_URL"] == []
    assert (taken["DNS_SERVERS"], taken["MX_PORT"], taken["MX_REQUIRE_TLS"]) == ([], 25, False)


@pytest.mark.parametrize(
    "servers",
    ["192.0.2.1", "192.0.2.1:5353, 192.0.2.2", "2001:db8::1", "[2001:db8::1]:5353", "::1"],
)
def test_dns_servers_are_addresses_with_ports_or_without(environment, servers):
    taken = loaded(environment, DNS_SERVERS=servers)["DNS_SERVERS"]
    assert taken == servers.split(", ")
    Resolver(taken)


@pytest.mark.parametrize(
    "wrong",
    [",", "dns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:70000", "[::1]", "192.0.2.1:x"],
)
def test_wrong_dns_server_is_named_in_one_sentence(environment, wrong):
    said = sentence(environment, DNS_SERVERS=wrong)
    assert said.startswith("DNS_SERVERS ")
    assert "192.0.2.1:5353" in said


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "SMTP_RELAY_URL"])
def test_no_sentence_shows_a_secret(environment, name):
    wrong = "mysql://user:open-sesame@[host:1/name"
    changes = {"MAIL_TRANSPORT": "relay", "SMTP_RELAY_URL": RELAY, "MAX_RECIPIENTS": "0"}
    assert "open-sesame" not in sentence(environment, **(changes | {name: wrong}))


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("ALLOWED_HOSTS", ["mail.example.test", "localhost", "127.0.0.1", "[::1]"]),
        ("CSRF_TRUSTED_ORIGINS", ["https://mail.example.test"]),
        ("TRUSTED_PROXIES", []),
        ("REDIS_URL", ""),
        ("S3_BUCKET", ""),
        ("MAX_RECIPIENTS", 50),
        ("DEBUG", False),
        ("HELO_NAME", "mail.example.test"),
    ],
)
@pytest.mark.parametrize("unset", [None, "", "  "])
def test_empty_variable_counts_as_not_set(environment, name, setting, unset):
    assert loaded(environment, **{name: unset})[name] == setting


def test_given_settings_are_taken(environment):
    taken = loaded(
        environment,
        PUBLIC_URL="http://localhost:8000/",
        ALLOWED_HOSTS="a.example, b.example",
        TRUSTED_PROXIES="10.0.0.0/8, ::1",
        DATABASE_URL="postgres://user:p%40ss@db:5432/mail",
        REDIS_URL="redis://redis:6379/1",
        MAIL_TRANSPORT="relay",
        SMTP_RELAY_URL=RELAY,
    )
    assert taken["PUBLIC_URL"] == "http://localhost:8000"
    assert {"a.example", "b.example"} <= set(taken["ALLOWED_HOSTS"])
    assert [str(network) for network in taken["TRUSTED_PROXIES"]] == ["10.0.0.0/8", "::1/128"]
    assert taken["DATABASES"]["default"]["PASSWORD"] == "p@ss"
    assert taken["CELERY_BROKER_URL"] == "redis://redis:6379/1"
    assert taken["SMTP_RELAY_URL"] == [RELAY]
    assert taken["SESSION_COOKIE_SECURE"] is False


def start(environment, entry):
    return subprocess.run(
        [sys.executable, *ENTRIES[entry]],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("PUBLIC_URL", {"PUBLIC_URL": "mail.example.com"}),
        (
            "SMTP_RELAY_URL",
            {"MAIL_TRANSPORT": "relay", "SMTP_RELAY_URL": f"smtp://two.example,{RELAY}&tsl=1"},
        ),
    ],
)
def test_every_entry_stops_with_the_sentence_alone(environment, entry, name, changes):
    for variable, value in changes.items():
        environment.setenv(variable, value)
    done = start(environment, entry)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name} ")
    assert done.stderr.count("\n") == 1
    assert "sesame" not in done.stderr


TLS = {"TLS_CERT_FILE": "/run/tls/chain.pem", "TLS_KEY_FILE": "/run/tls/key.pem"}
HERE = "127.0.0.1:587"


def test_submission_needs_tls_or_the_word_that_it_does_not(environment):
    assert sentence(environment, SUBMISSION_LISTEN=HERE).startswith("SUBMISSION_LISTEN takes API")
    for allowed in (TLS, {"SUBMISSION_AUTH_IN_CLEAR": "true"}):
        given = loaded(environment, SUBMISSION_LISTEN=HERE, **allowed)
        assert given["SUBMISSION_LISTEN"] == [("127.0.0.1", 587)]


def test_submission_by_tls_from_the_beginning_needs_tls(environment):
    clear = {"SUBMISSIONS_LISTEN": HERE, "SUBMISSION_AUTH_IN_CLEAR": "true"}
    assert sentence(environment, **clear).startswith("SUBMISSIONS_LISTEN begins with TLS")
    assert loaded(environment, **TLS)["SUBMISSIONS_LISTEN"] == [("127.0.0.1", 587)]
