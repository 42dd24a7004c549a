"""Addresses that a project does not write to: how they come on the list, and who is on it."""

import pytest

from emails.models import Suppression
from emails.suppressing import STRENGTH, found_among, listed_form, suppress, suppressed_among
from emails.tests.factories import make_project

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.Lee+X@Example.ORG", "ann.lee+x@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("JÜRGEN@example.org", "jürgen@example.org"),
        ("ju\u0308rgen@example.org", "jürgen@example.org"),
    ],
)
def test_address_has_one_form_on_the_list(address, form):
    assert listed_form(address) == form


def test_suppressing_twice_makes_one_entry():
    project = make_project()
    assert suppress(project.pk, "Ann@Example.org", "bounce", note="550 5.1.1")
    assert not suppress(project.pk, "ann@example.ORG", "bounce", note="another")
    entry = Suppression.objects.get()
    assert (entry.address, entry.reason, entry.note) == ("ann@example.org", "bounce", "550 5.1.1")


@pytest.mark.parametrize("first", STRENGTH)
@pytest.mark.parametrize("second", STRENGTH)
def test_stronger_reason_takes_the_place_of_a_weaker_one_and_never_the_reverse(first, second):
    project = make_project()
    suppress(project.pk, "ann@example.org", first, note="first")
    suppress(project.pk, "ann@example.org", second, note="second")
    entry = Suppression.objects.get()
    wins = STRENGTH.index(second) > STRENGTH.index(first)
    expected = (second, "second") if wins else (first, "first")
    assert (entry.reason, entry.note) == expected


def test_every_reason_has_its_strength():
    assert {*STRENGTH} == {*Suppression.Reason}


def test_list_is_of_one_project():
    ours, theirs = make_project(), make_project()
    suppress(theirs.pk, "ann@example.org", "manual")
    assert suppressed_among(ours.pk, ["ann@example.org"]) == set()
    assert suppress(ours.pk, "ann@example.org", "manual")


def test_any_number_of_addresses_is_looked_up_by_one_query(django_assert_num_queries):
    project = make_project()
    suppress(project.pk, "ann@bücher.example", "complaint")
    suppress(project.pk, "p7@example.org", "bounce")
    asked = [f"P{n}@example.org" for n in range(40_000)] + ["Ann@Bücher.example"]
    with django_assert_num_queries(1):
        found = found_among(project.pk, asked)
    assert {address: entry.reason for address, entry in found.items()} == {
        "P7@example.org": "bounce",
        "Ann@Bücher.example": "complaint",
    }
    with django_assert_num_queries(0):
        assert suppressed_among(project.pk, []) == set()
