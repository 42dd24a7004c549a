"""What Prometheus is told, with few names however many hosts there are."""

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from delivery.destinations import metrics
from delivery.destinations.configured import configured_budget

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def budget(settings):
    settings.REDIS_URL = ""
    made = configured_budget()
    yield made
    made.close()


def told(name):
    families = text_string_to_metric_families(generate_latest(REGISTRY).decode())
    samples = [sample for family in families for sample in family.samples]
    return {s.labels.get("destination"): s.value for s in samples if s.name == name}


def test_connections_waits_and_levels_are_told_by_destination(budget):
    while budget.open("aspmx.l.google.com"):
        pass
    for number in range(3):
        assert budget.open(f"mx{number}.test")
    budget.overloaded("aspmx.l.google.com")
    assert told("mailer_destination_connections") == {"Google": 20, "others": 3}
    assert told("mailer_destination_waits_total") == {"Google": 1, "others": 0}
    assert told("mailer_destination_level") == {"Google": 10}
    assert told("mailer_destinations_shared") == {None: 0}


def test_names_are_few_however_many_hosts_there_are(budget):
    for number in range(300):
        budget.open(f"mx{number}.test")
        budget.overloaded(f"mx{number}.test")
    assert len(told("mailer_destination_level")) == metrics.MOST_UNKNOWN
    assert set(told("mailer_destination_connections")) == {"others"}


def test_budget_that_is_closed_tells_nothing(settings):
    settings.REDIS_URL = ""
    configured_budget().close()
    assert told("mailer_destinations_shared") == {}
