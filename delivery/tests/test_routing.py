"""Which way the routes send a mail: the first that fits, as the table was last read."""

import pytest
from django.db import OperationalError

from accounts.tests.factories import make_project
from delivery import routing
from delivery.models import Route
from delivery.routing import Routing
from delivery.rules import Rule, deciding, domain_pattern

RELAY, MX = ("relay",), ("mx",)


@pytest.mark.parametrize(
    ("domain", "project", "fits"),
    [
        ("a.example", 1, True),
        ("x.a.example", 1, False),
        ("b.example", 1, False),
        ("a.example", 2, False),
    ],
)
def test_rule_of_domain_and_project_needs_both(domain, project, fits):
    assert Rule(1, "a.example", MX).fits(domain, project) == fits


@pytest.mark.parametrize(
    ("written", "domain", "fits"),
    [
        (".a.example", "x.a.example", True),
        (".a.example", "y.x.a.example", True),
        (".a.example", "a.example", False),
        (".a.example", "xa.example", False),
        ("", "a.example", True),
        ("a.example", "[192.0.2.1]", False),
        ("", "[192.0.2.1]", True),
    ],
)
def test_rule_of_a_domain_is_for_every_project(written, domain, fits):
    assert Rule(None, written, MX).fits(domain, 7) == fits


@pytest.mark.parametrize("domain", ["Bücher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example"])
def test_names_are_compared_as_a_labels(domain):
    assert deciding([Rule(None, "xn--bcher-kva.example", RELAY)], domain, 1) == 0


def test_first_rule_that_fits_decides():
    rules = [Rule(1, "", RELAY), Rule(None, ".example", ("mx", "relay")), Rule(None, "", MX)]
    assert deciding(rules, "a.example", 1) == 0
    assert deciding(rules, "a.example", 2) == 1
    assert deciding(rules, "a.test", 2) == 2
    assert deciding(rules[:2], "a.test", 2) is None


@pytest.mark.parametrize(
    ("first", "then", "covers"),
    [
        (("", None), ("a.example", 1), True),
        (("a.example", None), ("a.example", 1), True),
        ((".example", None), ("a.example", None), True),
        ((".example", None), (".a.example", None), True),
        ((".example", None), (".example", 1), True),
        (("a.example", 1), ("a.example", None), False),
        (("a.example", 1), ("a.example", 2), False),
        ((".example", None), ("example", None), False),
        ((".a.example", None), (".example", None), False),
        (("a.example", None), ("", None), False),
    ],
)
def test_rule_that_covers_another_leaves_it_nothing(first, then, covers):
    rules = [Rule(project, domain, MX) for domain, project in (first, then)]
    assert rules[0].covers(rules[1]) == covers


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        (" * ", ""),
        ("Example.COM", "example.com"),
        (" example.com. ", "example.com"),
        (".Example.com", ".example.com"),
        ("*.example.com", ".example.com"),
        ("@example.com", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        (".bücher.example", ".xn--bcher-kva.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
    ],
)
def test_domain_is_kept_as_it_is_compared(written, kept):
    assert domain_pattern(written) == kept


@pytest.mark.parametrize("written", [".", "a b.example", "..example.com", "x@example.com", "a/b"])
def test_anything_else_is_no_domain(written):
    with pytest.raises(ValueError, match="is no domain"):
        domain_pattern(written)


def refreshed(table):
    """Read the table; what is asked to be prepared."""
    prepared = []
    table.refresh(prepared.append)
    return prepared


@pytest.fixture
def now(monkeypatch):
    """Read the table whenever that is asked for."""
    monkeypatch.setattr(routing, "READ_SECONDS", 0.0)


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
def test_table_is_read_by_position():
    project = make_project()
    Route.objects.create(position=20, way="mx")
    Route.objects.create(position=10, domain="a.example", project=project, way="relay,mx")
    table = Routing("relay")
    assert refreshed(table) == [{"mx", "relay"}]
    assert table.ways("a.example", project.pk) == ("relay", "mx")
    assert table.ways("b.example", project.pk) == MX


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
def test_changes_hold_from_the_next_reading_on():
    table = Routing("relay")
    refreshed(table)
    assert table.ways("a.example", 1) == RELAY
    Route.objects.create(domain="a.example", way="mx")
    assert table.ways("a.example", 1) == RELAY
    assert refreshed(table) == [{"mx"}]
    assert table.ways("a.example", 1) == MX
    assert refreshed(table) == [{"mx"}], "it may not have been there the last time"
    Route.objects.all().delete()
    refreshed(table)
    assert table.ways("a.example", 1) == RELAY


@pytest.mark.django_db
def test_table_is_not_read_at_every_round(django_assert_num_queries):
    table = Routing("relay")
    with django_assert_num_queries(1):
        for _ in range(5):
            refreshed(table)


@pytest.mark.django_db
def test_delivery_asks_no_database(django_assert_num_queries):
    Route.objects.create(domain="a.example", way="mx")
    table = Routing("relay")
    refreshed(table)
    with django_assert_num_queries(0):
        assert [table.ways("a.example", number) for number in range(100)] == [MX] * 100


def away():
    raise OperationalError("gone")


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
def test_database_away_leaves_the_last_known(monkeypatch):
    Route.objects.create(domain="a.example", way="mx")
    table = Routing("relay")
    refreshed(table)
    monkeypatch.setattr(routing, "stored_rules", away)
    refreshed(table)
    assert table.ways("a.example", 1) == MX


def test_nothing_goes_before_the_routes_are_known(monkeypatch):
    monkeypatch.setattr(routing, "stored_rules", away)
    table = Routing("relay")
    with pytest.raises(OperationalError):
        refreshed(table)
    assert table.ways("a.example", 1) == ()


@pytest.mark.django_db
def test_memory_has_a_bound(monkeypatch):
    monkeypatch.setattr(routing, "MOST_REMEMBERED", 3)
    table = Routing("relay")
    refreshed(table)
    for number in range(10):
        assert table.ways(f"n{number}.example", 1) == RELAY
    assert len(table._found) <= 3
