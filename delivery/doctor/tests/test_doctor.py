"""Each thing is broken in turn, and the doctor names exactly it."""

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import DkimKey, SendingDomain
from delivery.doctor.clock import judged
from delivery.doctor.tests.conftest import (
    ADDRESS,
    DOMAIN,
    HELO,
    PROBE,
    PTR,
    PUBLIC,
    complaints,
    doctor,
    serving,
)
from delivery.domains import checking
from delivery.smtp.tests.certificates import make_issued
from delivery.smtp.tests.scripted import drop, say, stall
from emails.models import Recipient
from emails.tests.factories import make_email
from tests.servers import free_port

BOUNCES = f"bounces.{DOMAIN}"


def test_where_all_is_right_it_ends_with_0(world):
    status, findings = doctor(world)
    assert complaints(findings) == []
    assert status == 0
    checks = {finding["check"] for finding in findings}
    assert checks >= {
        *("database", "queue", "helo", "ptr", "port25", "tls", "tracking"),
        *("dkim", "spf", "dmarc", "return_path", "return_path_spf", "alignment"),
    }


def without(name, kind):
    return lambda world: world.zone.remove(name, kind)


def instead(name, kind, *values):
    return lambda world: world.replace(name, kind, *values)


def setting(name, value):
    return lambda world: setattr(world.settings, name, value)


def dkim_replaced(world):
    world.replace(world.key.record.name, "TXT", "v=DKIM1; k=ed25519; p=AAAA")
    world.replace(f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none")


def dmarc_strict_and_no_key(world):
    world.replace(f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none; aspf=s")
    world.zone.remove(world.key.record.name, "TXT")


def new_key_waits(world):
    DkimKey.generate(world.domain, DkimKey.Algorithm.ED25519)


def late(minutes):
    def wait(world):
        make_email()
        Recipient.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=minutes))

    return wait


def certificate(**options):
    return lambda world: world.certificate(**options)


def issued(world, shown):
    """Show a certificate of a trusted authority, with its chain or alone."""
    files = make_issued(world.folder, names=[HELO])
    world.settings.TLS_CERT_FILE, world.settings.TLS_KEY_FILE = getattr(files, shown), files.key
    world.trust(files.root)


def key_of_another(world):
    (world.folder / "other").mkdir()
    other = type(world)(*[None] * 5, world.folder / "other")
    other.settings = type("Held", (), {})()
    other.certificate(names=[HELO], days=60)
    world.settings.TLS_KEY_FILE = other.settings.TLS_KEY_FILE


def cert_missing(world):
    world.settings.TLS_CERT_FILE = str(world.folder / "gone.pem")


def no_certificate(world):
    world.settings.TLS_CERT_FILE = world.settings.TLS_KEY_FILE = ""


def greets(action):
    return lambda world: world.mail.on("greeting", action)


def web_says(**values):
    return lambda world: vars(world.web).update(values)


BROKEN = {
    "DKIM record missing": (
        lambda world: world.zone.remove(world.key.record.name, "TXT"),
        [("dkim", DOMAIN, "problem", "Add this record")],
    ),
    "DKIM key replaced": (dkim_replaced, [("dkim", DOMAIN, "problem", "another one")]),
    "DKIM silent": (
        lambda world: world.zone.fail(world.key.record.name),
        [("dkim", DOMAIN, "unknown", "looked at again")],
    ),
    "new key not published": (new_key_waits, [("dkim", DOMAIN, "warning", "does not sign (yet)")]),
    "nothing aligned": (
        dmarc_strict_and_no_key,
        [
            ("dkim", DOMAIN, "problem", "missing"),
            ("alignment", DOMAIN, "problem", "DKIM record first"),
        ],
    ),
    "SPF missing": (without(DOMAIN, "TXT"), [("spf", DOMAIN, "warning", "missing")]),
    "SPF of others": (
        instead(DOMAIN, "TXT", "v=spf1 ip4:203.0.113.1 -all"),
        [("spf", DOMAIN, "problem", "ip4:203.0.113.1 ip4:192.0.2.1 -all")],
    ),
    "SPF of the return path": (
        instead(BOUNCES, "TXT", "v=spf1 -all"),
        [("return_path_spf", DOMAIN, "problem", "ip4:192.0.2.1 -all")],
    ),
    "return path missing": (
        without(BOUNCES, "MX"),
        [("return_path", DOMAIN, "warning", f"MX 10 {HELO}.")],
    ),
    "tracking name of the domain not served": (
        lambda world: world.zone.add(f"track.{DOMAIN}", "CNAME", PUBLIC),
        [("tracking", DOMAIN, "problem", "get a certificate")],
    ),
    "DMARC missing": (
        without(f"_dmarc.{DOMAIN}", "TXT"),
        [("dmarc", DOMAIN, "warning", "v=DMARC1; p=none")],
    ),
    "DMARC misspelt": (
        instead(f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=non"),
        [("dmarc", DOMAIN, "warning", "p=non is no policy")],
    ),
    "PTR missing": (without(PTR, "PTR"), [("ptr", ADDRESS, "problem", "hosting provider")]),
    "PTR silent": (
        lambda world: world.zone.fail(PTR),
        [("ptr", ADDRESS, "unknown", "DNS works on this machine")],
    ),
    "PTR leads elsewhere": (
        instead("out.example.net", "A", "203.0.113.1"),
        [("forward", ADDRESS, "problem", "does not lead back")],
    ),
    "HELO without address": (without(HELO, "A"), [("helo", HELO, "problem", "A record")]),
    "HELO of another machine": (
        instead(HELO, "A", "203.0.113.1"),
        [("helo", HELO, "warning", ADDRESS)],
    ),
    "port 25 blocked": (greets(stall), [("port25", PROBE, "problem", "blocks port 25")]),
    "port 25 refuses": (
        greets(say("554 5.7.1 no")),
        [("port25", PROBE, "warning", "554 5.7.1 no")],
    ),
    "port 25 hangs up": (greets(drop), [("port25", PROBE, "warning", "--probe")]),
    "probe without a mail server": (
        lambda world: world.zone.remove(f"mx.{PROBE}", "A"),
        [("port25", PROBE, "warning", "no mail server")],
    ),
    "certificate expired": (
        certificate(names=[HELO], days=-1),
        [("tls", "", "problem", "certbot renew")],
    ),
    "certificate ends soon": (
        certificate(names=[HELO], days=5),
        [("tls", "", "warning", "--dry-run")],
    ),
    "certificate of another name": (
        certificate(names=["www.example.net"], days=60),
        [("tls", "", "problem", "www.example.net, not for mail.example.net")],
    ),
    "certificate signed by itself": (
        certificate(trusted=False, names=[HELO], days=60),
        [("tls", "", "problem", "fullchain.pem")],
    ),
    "certificate without its chain": (
        lambda world: issued(world, "leaf"),
        [("tls", "", "problem", "fullchain.pem")],
    ),
    "certificate without its key": (key_of_another, [("tls", "", "problem", "belong together")]),
    "certificate gone": (cert_missing, [("tls", "", "problem", "No such file")]),
    "no certificate": (no_certificate, [("tls", "TLS_CERT_FILE", "warning", "unencrypted")]),
    "tracking name gone": (without(PUBLIC, "A"), [("tracking", PUBLIC, "problem", "A record")]),
    "tracking answers 502": (web_says(status=502), [("tracking", PUBLIC, "problem", "502")]),
    "tracking is another server": (
        web_says(body=b"<html>"),
        [("tracking", PUBLIC, "problem", "somebody else")],
    ),
    "tracking without https": (
        setting("PUBLIC_URL", f"http://{PUBLIC}"),
        [("tracking", PUBLIC, "warning", "https")],
    ),
    "mail waits for minutes": (late(3), [("queue", "recipients", "warning", "3 minutes")]),
    "mail waits for long": (late(30), [("queue", "recipients", "problem", "workers")]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_and_nothing_else(world, name):
    break_it, expected = BROKEN[name]
    break_it(world)
    status, findings = doctor(world)
    named = complaints(findings)
    assert [(found["check"], found["level"]) for found in named] == [
        (check, level) for check, _, level, _ in expected
    ], named
    for found, (_, about, level, words) in zip(named, expected, strict=True):
        assert found["about"] == (about or world.settings.TLS_CERT_FILE)
        assert words in f"{found['says']} {found['advice']}"
        assert found["advice"]
        assert status >= {"unknown": 1, "warning": 1, "problem": 2}[level]


def test_certificate_of_the_web_that_is_not_trusted_is_named(world, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", world.settings.TLS_CERT_FILE)
    [found] = complaints(doctor(world)[1])
    assert (found["check"], found["level"]) == ("tracking", "problem")
    assert "certificate" in found["says"]


def test_certificate_with_its_chain_is_well(world):
    issued(world, "chain")
    assert doctor(world)[0] == 0


def test_certificate_that_nobody_needs_to_trust_is_a_warning(world):
    world.settings.INBOUND_LISTEN = []  # so no sender is offered a policy that asks for it
    world.certificate(trusted=False, names=[HELO], days=60)
    [found] = complaints(doctor(world)[1])
    assert (found["check"], found["level"]) == ("tls", "warning")


def test_star_certificate_is_for_one_label(world):
    world.certificate(names=["*.example.net"], days=60)
    assert doctor(world)[0] == 0


@pytest.mark.parametrize("name", ["localhost", "mailhost"])
def test_helo_that_is_no_name_of_the_world(world, name):
    world.settings.HELO_NAME = name
    found = {f["check"]: f for f in complaints(doctor(world)[1])}
    assert found["helo"]["level"] == "problem"


def test_private_address_is_told_apart(world):
    world.settings.SENDING_ADDRESSES = ["10.0.0.5"]
    found = [f for f in complaints(doctor(world)[1]) if f["check"] == "ptr"]
    assert [f["level"] for f in found] == ["warning"]
    assert "SENDING_ADDRESSES" in found[0]["advice"]


def test_relay_needs_neither_ptr_nor_port_25(world):
    world.settings.MAIL_TRANSPORT = "relay"
    world.settings.SENDING_ADDRESSES = []
    world.arguments.clear()
    checks = {finding["check"] for finding in doctor(world)[1]}
    assert not checks & {"ptr", "forward", "port25", "spf", "return_path_spf"}


def test_without_domains_it_says_how_to_add_one(world):
    SendingDomain.objects.all().delete()
    [found] = complaints(doctor(world)[1])
    assert found["check"] == "domains"
    assert "POST /api/domains" in found["advice"]


def test_one_domain_alone(world):
    other = SendingDomain.objects.create(project=world.domain.project, name="other.example")
    assert doctor(world)[0] == 2
    assert doctor(world, "--domain", DOMAIN.upper())[0] == 0
    assert other.findings == []


def test_silent_dns_is_unknown_whatever_was_seen_before(world):
    checking.check(world.domain)
    world.zone.fail(f"_dmarc.{DOMAIN}")
    status, findings = doctor(world)
    [found] = complaints(findings)
    assert (status, found["check"], found["level"]) == (1, "dmarc", "unknown")


def test_examining_writes_nothing(world):
    doctor(world)
    world.domain.refresh_from_db()
    assert (world.domain.findings, world.domain.checked_at) == ([], None)


@pytest.mark.parametrize(
    "arguments", [["--domain", "nobody.example"], ["--probe", "com"], ["--time-url", "ntp://x"]]
)
def test_what_can_not_be_examined_ends_with_3(world, arguments):
    with pytest.raises(CommandError) as refusal:
        call_command("doctor", *arguments)
    assert refusal.value.returncode == 3


def test_people_read_sentences(world):
    world.zone.remove(PTR, "PTR")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", *world.arguments, "--no-color", stdout=out)
    lines = out.getvalue().splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("problem  ptr")]
    assert lines[at + 1].strip().startswith("→ Ask whoever gave you the address")


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, "ok"), (-4, "ok"), (20, "warning"), (-20, "warning"), (90, "problem")],
)
def test_clock(seconds, level):
    verdict = judged("time.example", seconds)
    assert verdict.level == level
    assert ("NTP" in verdict.advice) == (level != "ok")


@pytest.mark.parametrize(("seconds", "status"), [(0, 0), (30, 1), (-300, 2)])
def test_clock_is_compared_with_a_web_server(world, seconds, status):
    with serving() as other:
        other.date = format_datetime(timezone.now() - timedelta(seconds=seconds), usegmt=True)
        ended, findings = doctor(world, "--time-url", f"http://127.0.0.1:{other.server_port}/")
    assert ended == status
    assert [found["check"] for found in complaints(findings)] == ["clock"] * bool(status)


def test_web_server_that_can_not_be_asked_leaves_the_clock_unknown(world):
    port = free_port()
    [found] = complaints(doctor(world, "--time-url", f"http://127.0.0.1:{port}/")[1])
    assert (found["check"], found["level"]) == ("clock", "unknown")


def test_redis_that_is_away_is_named(world):
    world.settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    status, findings = doctor(world)
    [found] = complaints(findings)
    assert (status, found["check"], found["level"]) == (1, "redis", "warning")


def test_redis_that_answers_is_well(world, redis):
    world.settings.REDIS_URL = redis.url
    assert {f["check"]: f["level"] for f in doctor(world)[1]}["redis"] == "ok"


def test_database_without_its_tables_is_named_and_the_rest_is_examined(tmp_path):
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "DNS_SERVERS": f"127.0.0.1:{free_port()}",
        "MAIL_TRANSPORT": "mx",
        "REDIS_URL": "",
    }
    command = [sys.executable, "manage.py", "doctor", "--json", "--seconds", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    found = {found["check"]: found for found in json.loads(done.stdout)["findings"]}
    assert found["database"]["level"] == "problem"
    assert "manage.py setup" in found["database"]["advice"]
    assert found["port25"]["level"] == "unknown"


def test_database_that_is_away_is_named_and_the_rest_is_examined():
    """Started as a program, with a database where nobody listens."""
    environment = os.environ | {
        "DATABASE_URL": f"postgres://nobody:x@127.0.0.1:{free_port()}/none",
        "DNS_SERVERS": f"127.0.0.1:{free_port()}",
        "REDIS_URL": "",
    }
    command = [sys.executable, "manage.py", "doctor", "--json", "--seconds", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    levels = {found["check"]: found["level"] for found in json.loads(done.stdout)["findings"]}
    assert (levels["database"], levels["queue"]) == ("problem", "unknown")
    assert "helo" in levels


def test_record_that_is_missing_for_long_is_named_with_its_date(world):
    checking.check(world.domain)
    world.zone.remove(world.key.record.name, "TXT")
    checking.check(world.domain)
    for finding in world.domain.findings:
        if finding["purpose"] == "dkim":
            finding["since"] = "2025-05-12T10:00:00+00:00"
    world.domain.save()
    status, findings = doctor(world)
    [found] = complaints(findings)
    assert (status, found["level"]) == (2, "problem")
    assert "is missing since 2025-05-12T10:00:00+00:00" in found["says"]
