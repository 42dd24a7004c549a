"""SPF as the test suite of its standard wants it, asked of a real DNS server."""

import pytest
import yaml

from delivery.smtp.dns import Resolver
from delivery.smtp.spf import SpfResult, evaluate
from delivery.smtp.tests.corpora import files_of
from tests.dns_server import DnsServer

# openspf.org's suite for RFC 7208, as pyspf brings it.
SUITE = files_of("pyspf", "*/test/rfc7208-tests.yml")["rfc7208-tests"]


def scenarios():
    return [group for group in yaml.safe_load_all(SUITE) if group]


def cases():
    for number, group in enumerate(scenarios()):
        for name, case in group["tests"].items():
            yield pytest.param(number, case, id=f"{group['description']}: {name}")


def fill(zone, zonedata):
    for name, records in zonedata.items():
        has_txt = any("TXT" in record for record in records if isinstance(record, dict))
        for record in records:
            if record == "TIMEOUT":  # of every type that the name does not have
                if not any(record.get("TXT", "NONE") != "NONE" for record in records[:-1]):
                    zone.fail(name)
                continue
            [(kind, value)] = record.items()
            if kind == "SPF" and not has_txt:
                kind = "TXT"  # as the suite's own drivers do
            if kind in ("SPF", "TXT") and value == "NONE":
                continue
            add(zone, name, kind, value)


def add(zone, name, kind, value):
    name = name.replace(" ", "\\032")  # as dnslib writes it
    if value == "TIMEOUT":
        zone.fail(name)
    elif kind == "MX":
        zone.add(name, "MX", value[1] or ".", value[0])
    elif kind == "TXT":
        text = "".join(value) if isinstance(value, list) else value
        if text:  # dnslib can't write a record without a string
            zone.add(name, "TXT", text)
    elif kind != "SPF":
        zone.add(name, kind, value)


@pytest.fixture(scope="module")
def zones():
    started = {}

    def serving(number):
        if number not in started:
            started[number] = DnsServer().__enter__()
            fill(started[number].zone, scenarios()[number]["zonedata"])
        return started[number]

    yield serving
    for server in started.values():
        server.__exit__()


@pytest.mark.parametrize(("number", "case"), list(cases()))
def test_suite_of_the_standard(zones, number, case):
    sender, helo = case["mailfrom"], case["helo"]
    domain = sender.rpartition("@")[2] if sender else helo
    resolver = Resolver([zones(number).address], seconds=2)
    answer = evaluate(resolver, domain, case["host"], sender=sender, helo=helo)
    wanted = case["result"]
    assert answer.result in (wanted if isinstance(wanted, list) else [wanted]), answer


def test_every_result_of_the_standard_is_wanted_by_some_case():
    wanted = {str(case.values[1]["result"]) for case in cases()}
    assert set(SpfResult) <= wanted
