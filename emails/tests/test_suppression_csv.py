"""The list as CSV: what is read, what is told, and that nothing in it is a formula."""

import csv
from io import StringIO

import pytest

from emails.models import Suppression
from emails.suppressing import Added, Entry, suppress, suppress_all
from emails.suppression_csv import FORMULA_STARTS, MOST_LINES, Unreadable, read, written
from emails.tests.factories import make_project


def entries(text):
    return [(entry.address, entry.reason, entry.note) for entry in read(text.encode()).entries]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@example.org", [("ann@example.org", "import", "")]),
        ("Ann@Example.ORG,bounce,550 5.1.1\n", [("ann@example.org", "bounce", "550 5.1.1")]),
        (
            "\ufeffaddress,reason\r\nann@example.org,Complained\r\n",
            [("ann@example.org", "complaint", "")],
        ),
        ("note;E-Mail\nwhy;ann@example.org", [("ann@example.org", "import", "why")]),
        (
            "project,address\nx,ann@bücher.example\n\n,\n",
            [("ann@xn--bcher-kva.example", "import", "")],
        ),
        ('"ann@example.org","","a, ""b""\nc"', [("ann@example.org", "import", 'a, "b"\nc')]),
        ("'+ann@example.org,,'=1", [("+ann@example.org", "import", "=1")]),
        ("", []),
    ],
)
def test_file_is_read_as_it_is_meant(text, expected):
    reading = read(text.encode())
    assert entries(text) == expected
    assert reading.wrong == []


def test_wrong_lines_are_named_by_their_number_and_the_others_kept():
    text = (
        'address,reason,note\nann@example.org\n"b\nob"\nbob@example.org,spite\ncleo@example.org\n'
    )
    reading = read((text + "dan@example.org,," + "x" * 501).encode())
    assert [entry.address for entry in reading.entries] == ["ann@example.org", "cleo@example.org"]
    assert [line.number for line in reading.wrong] == [3, 5, 7]
    assert "spite" in reading.wrong[1].problem
    assert all(line.problem.endswith((".", ")")) for line in reading.wrong)


@pytest.mark.parametrize(
    "content",
    [
        b"ann@example.org\n\xff\xfe",
        "ann@example.org".encode("utf-16"),
        b"a@example.org\n" * (MOST_LINES + 1),
        b"ann@example.org," + b"x" * 200_000,
    ],
    ids=["no UTF-8", "UTF-16", "too long", "no CSV"],
)
def test_file_that_can_not_be_read_is_refused_whole(content):
    with pytest.raises(Unreadable):
        read(content)


def test_file_of_the_most_lines_is_read():
    assert len(read(b"a@example.org\n" * MOST_LINES).entries) == MOST_LINES


@pytest.mark.django_db
def test_what_is_written_is_no_formula_and_comes_back_as_it_was():
    project = make_project()
    notes = [f"{start}cmd|'/c calc'!A0" for start in FORMULA_STARTS] + ["'=1", "plain", "a\nb", ""]
    for number, note in enumerate(notes):
        suppress(project.pk, f"p{number}@example.org", "bounce", note=note)
    for address in ("=1+1@example.org", "+ann@example.org", "-x@example.org", "'-y@example.org"):
        suppress(project.pk, address, "complaint")
    rows = Suppression.objects.order_by("pk")
    text = "".join(written(rows))
    for line in csv.reader(StringIO(text)):
        assert not any(cell.startswith(FORMULA_STARTS) for cell in line)
    before = [(row.address, row.reason, row.note.strip(" \t")) for row in rows]
    assert entries(text) == before


@pytest.mark.django_db
def test_importing_again_changes_nothing_and_stronger_reasons_win():
    project, other = make_project(), make_project()
    suppress(project.pk, "ann@example.org", "complaint", note="kept")
    suppress(project.pk, "bob@example.org", "import")
    suppress(other.pk, "cleo@example.org", "import")
    given = [
        Entry("ann@example.org", Suppression.Reason.BOUNCE, "weaker"),
        Entry("bob@example.org", Suppression.Reason.BOUNCE, "stronger"),
        Entry("cleo@example.org", Suppression.Reason.IMPORT, "first"),
        Entry("cleo@example.org", Suppression.Reason.MANUAL, "second"),
    ]
    assert suppress_all(project.pk, given) == Added(new=1, stronger=1)
    assert suppress_all(project.pk, given) == Added(new=0, stronger=0)
    found = Suppression.objects.filter(project=project).order_by("address")
    assert [(row.address, row.reason, row.note) for row in found] == [
        ("ann@example.org", "complaint", "kept"),
        ("bob@example.org", "bounce", "stronger"),
        ("cleo@example.org", "manual", "second"),
    ]
    assert Suppression.objects.get(project=other).reason == "import"


@pytest.mark.django_db
def test_many_are_imported_in_few_statements(django_assert_max_num_queries):
    project = make_project()
    given = [Entry(f"p{n}@example.org", Suppression.Reason.IMPORT) for n in range(10_000)]
    with django_assert_max_num_queries(100):  # SQLite takes a few for each
        assert suppress_all(project.pk, given).new == 10_000
    with django_assert_max_num_queries(20):
        assert suppress_all(project.pk, given).new == 0
