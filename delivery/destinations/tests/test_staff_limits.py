"""Staff set limits; workers follow without a restart."""

import pytest

from accounts.tests.staff import staff_client
from delivery.destinations import directory
from delivery.destinations.configured import configured_budget
from delivery.destinations.profiles import built_in
from delivery.models import DestinationLimit
from delivery.tests.waiting import wait_until
from delivery.transports.budget import Limits

LIST = "/admin/delivery/destinationlimit/"
ALL = [f"delivery.{verb}_destinationlimit" for verb in ("view", "add", "change", "delete")]
FORM = {"host": "example.org", "connections": 3, "mails_per_connection": 10, "mails_per_minute": ""}


@pytest.fixture
def staff():
    return staff_client(*ALL)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("example.org", "example.org"),
        (" MX.Example.ORG. ", "mx.example.org"),
        ("*.example.org", "example.org"),
        (".example.org", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*", "*"),
    ],
)
def test_name_is_kept_as_it_is_looked_for(staff, said, kept):
    assert staff.post(f"{LIST}add/", FORM | {"host": said}).status_code == 302
    row = DestinationLimit.objects.get()
    assert (row.host, row.connections, row.mails_per_minute) == (kept, 3, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", ""),
        ("host", "192.0.2.1"),
        ("host", "[192.0.2.1]"),
        ("host", "ann@example.org"),
        ("host", "mx.*.example"),
        ("host", "two words"),
        ("connections", 0),
        ("connections", -1),
        ("connections", ""),
        ("connections", 10**12),
        ("mails_per_connection", 0),
        ("mails_per_minute", 0),
        ("mails_per_minute", "many"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(staff, field, value):
    answer = staff.post(f"{LIST}add/", FORM | {field: value})
    assert answer.status_code == 200
    [message] = answer.context["adminform"].form.errors[field]
    assert message.endswith(".")
    assert not DestinationLimit.objects.exists()


@pytest.mark.django_db
def test_name_that_is_there_already_is_refused(staff):
    DestinationLimit.objects.create(host="example.org", connections=1, mails_per_connection=1)
    answer = staff.post(f"{LIST}add/", FORM | {"host": "EXAMPLE.org"})
    assert answer.context["adminform"].form.errors["host"]


@pytest.mark.django_db
def test_list_shows_what_holds_by_itself_and_what_staff_overrule(staff):
    page = staff.get(LIST)
    assert {line.name for line in page.context["profiles"]} == {p.name for p in built_in()}
    for profile in built_in():
        assert profile.name in page.content.decode()
    for host in ("google.com", "googlemail.com"):
        DestinationLimit.objects.create(host=host, connections=1, mails_per_connection=1)
    lines = {line.name: line for line in staff.get(LIST).context["profiles"]}
    assert lines["Google"].overruled
    assert not lines["QQ"].overruled
    proposed = staff.get(lines["QQ"].add_url).context["adminform"].form.initial
    assert proposed["host"] == "qq.com"
    assert proposed["mails_per_minute"] == "120"


@pytest.mark.django_db
def test_strangers_see_nothing():
    client = staff_client("emails.view_email")
    assert [client.get(f"{LIST}{page}").status_code for page in ("", "add/")] == [403, 403]


@pytest.mark.django_db(transaction=True)
def test_workers_follow_staff_without_a_restart(staff, monkeypatch):
    monkeypatch.setattr(directory, "READ_SECONDS", 0.05)
    DestinationLimit.objects.create(host="first.test", connections=2, mails_per_connection=7)
    budget = configured_budget()
    try:
        assert budget.limits("mx.first.test") == Limits(2, 7)
        staff.post(f"{LIST}add/", FORM | {"mails_per_minute": 60})
        wait_until(lambda: budget.limits("mx.example.org") == Limits(3, 10, 60))
        assert sum(budget.open("mx.example.org") for _ in range(9)) <= 3
        DestinationLimit.objects.all().delete()
        wait_until(lambda: budget.limits("mx.example.org") == built_in()[-1].limits)
    finally:
        budget.close()


@pytest.mark.django_db(transaction=True)
def test_what_was_read_last_holds_while_the_database_is_away(monkeypatch, caplog):
    monkeypatch.setattr(directory, "READ_SECONDS", 0.05)
    DestinationLimit.objects.create(host="first.test", connections=2, mails_per_connection=7)
    budget = configured_budget()

    def fail():
        raise directory.Error("gone")

    monkeypatch.setattr(directory, "limits_of_staff", fail)
    try:
        wait_until(lambda: "can't be read" in caplog.text)
        assert budget.limits("mx.first.test") == Limits(2, 7)
    finally:
        budget.close()
