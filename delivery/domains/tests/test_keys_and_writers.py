"""While keys of a domain are made, which takes its time, others write: SQLite has one writer."""

import threading

import pytest
from django.db import connection

from accounts import key_pairs
from accounts.tests.factories import make_client, make_domain, make_project
from accounts.tests.staff import staff_client
from emails.models import Email
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db(transaction=True)
RIGHTS = tuple(f"accounts.{verb}_sendingdomain" for verb in ("view", "add", "change", "delete"))
ADMIN = "/admin/accounts/sendingdomain/"


def api_adds(project):
    return make_client(project).post("/api/domains", {"name": "shop.example"}, format="json")


def api_rotates(project):
    return make_client(project).post("/api/domains/example.com/rotate")


def staff_add(project):
    form = {"project": project.pk, "name": "shop.example"}
    return staff_client(*RIGHTS).post(f"{ADMIN}add/", form)


def staff_rotate(project):
    return staff_client(*RIGHTS).post(f"{ADMIN}{project.domains.get().pk}/rotate/")


@pytest.mark.parametrize("asked", [api_adds, api_rotates, staff_add, staff_rotate])
def test_mail_is_accepted_while_keys_are_made(asked, monkeypatch):
    project = make_project()
    make_domain(project, "example.com")
    make = key_pairs.PAIRS["rsa"]
    accepted = []

    def slowly():
        sender = threading.Thread(target=send, args=[project], daemon=True)
        sender.start()
        sender.join(2)
        accepted.append(not sender.is_alive())
        return make()

    monkeypatch.setitem(key_pairs.PAIRS, "rsa", slowly)
    answer = asked(project)
    assert answer.status_code in (200, 201, 302), answer.content
    assert accepted == [True]
    assert Email.objects.count() == 1
    assert {domain.dkim_keys.count() for domain in project.domains.all()} <= {0, 2}
    assert any(domain.dkim_keys.count() == 2 for domain in project.domains.all())


def send(project):
    try:
        make_email(project)
    finally:
        connection.close()
