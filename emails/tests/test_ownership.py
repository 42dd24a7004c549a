"""From whom a project may send: from the domains that it is known to hold."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import SendingDomain
from accounts.tests.factories import make_client, make_domain, make_project
from emails import ownership
from emails.addresses import Address
from emails.models import Email
from emails.ownership import DomainNotOwned, check_sender
from emails.tests.factories import request_body

pytestmark = pytest.mark.django_db

URL, BATCH = "/api/emails", "/api/emails/batch"


@pytest.fixture(autouse=True)
def own_domains_alone(settings, monkeypatch):
    settings.ALLOW_ANY_FROM = False
    monkeypatch.setattr(ownership, "_known", {})


def send(project, **values):
    return make_client(project).post(URL, request_body(**values), format="json")


def refusal(answer):
    assert answer.status_code == 403, answer.json()
    error = answer.json()["error"]
    assert error["code"] == "domain_not_owned"
    assert error["fields"] == {"from_email": [error["message"]]}
    assert not Email.objects.exists()
    return error["message"]


@pytest.mark.parametrize(
    "sender", ["shop@example.com", "Shop@EXAMPLE.com", "shop@a.news.example.com"]
)
def test_own_domain_and_those_below_it_are_accepted(sender):
    assert send(make_domain().project, from_email=sender).status_code == 202


def test_domain_beyond_ascii_is_known_by_its_a_labels():
    project = make_domain(name="xn--bcher-kva.example").project
    assert send(project, from_email="shop@bücher.example").status_code == 202
    assert send(project, from_email="shop@xn--bcher-kva.example").status_code == 202


def test_domain_that_nobody_added_is_refused_with_what_to_do():
    said = refusal(send(make_project(), from_email="shop@shop.example.com"))
    assert said.startswith("shop.example.com is no sending domain of this project.")
    assert "POST /api/domains" in said


def test_domain_that_is_not_verified_yet_is_told_apart():
    project = make_domain(verified_at=None).project
    said = refusal(send(project, from_email="shop@news.example.com"))
    assert said.startswith("example.com was added to this project and is not verified yet")
    assert "POST /api/domains/example.com/check" in said


def test_domain_of_another_project_is_as_if_nobody_had_added_it():
    make_domain()
    said = refusal(send(make_project()))
    assert said.startswith("example.com is no sending domain of this project.")


def test_domain_may_be_used_as_soon_as_it_is_verified():
    project = make_domain(verified_at=None).project
    refusal(send(project))
    SendingDomain.objects.update(verified_at=timezone.now())
    assert send(project).status_code == 202


def test_each_mail_of_a_batch_is_judged_by_itself():
    project = make_domain().project
    bodies = [request_body(), request_body(from_email="shop@example.org"), request_body()]
    answer = make_client(project).post(BATCH, bodies, format="json")
    assert answer.status_code == 202
    first, second, third = answer.json()["data"]
    assert first["status"] == third["status"] == "queued"
    assert second["error"]["code"] == "domain_not_owned"
    assert Email.objects.count() == 2


def test_batch_of_all_or_none_names_the_mail_that_may_not_be_sent():
    bodies = [request_body(), request_body(from_email="shop@example.org")]
    project = make_domain().project
    answer = make_client(project).post(f"{BATCH}?atomic=true", bodies, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["1.from_email"]
    assert not Email.objects.exists()


def test_domain_is_asked_for_once_in_seconds(monkeypatch):
    domain, now = make_domain(), [1000.0]
    monkeypatch.setattr("emails.ownership.time.monotonic", lambda: now[0])

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            check_sender(domain.project, Address("shop@example.com"))
        return len(asked)

    assert [queries(), queries()] == [1, 0]
    now[0] += ownership.KNOWN_SECONDS
    assert [queries(), queries()] == [1, 0]
    domain.delete()
    now[0] += ownership.KNOWN_SECONDS
    with pytest.raises(DomainNotOwned):
        queries()


def test_what_is_known_of_one_project_counts_for_no_other():
    check_sender(make_domain().project, Address("shop@example.com"))
    with pytest.raises(DomainNotOwned):
        check_sender(make_project(), Address("shop@example.com"))


def test_what_is_known_stays_bounded(monkeypatch):
    monkeypatch.setattr("emails.ownership.KNOWN_AT_MOST", 3)
    project = make_domain().project
    for number in range(10):
        check_sender(project, Address(f"shop@n{number}.example.com"))
    assert len(ownership._known) <= 3


def test_setting_allows_any_domain_and_asks_nobody(settings, django_assert_num_queries):
    settings.ALLOW_ANY_FROM = True
    project = make_project()
    with django_assert_num_queries(0):
        check_sender(project, Address("shop@example.com"))
    assert send(project).status_code == 202
