"""API keys on the staff pages: shown once, never again, revoked for good."""

import logging
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ApiKey
from accounts.tests.factories import make_key, make_project
from accounts.tests.staff import make_staff, staff_client

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/apikey/"
RIGHTS = ("accounts.view_apikey", "accounts.add_apikey", "accounts.change_apikey")


def add_key(client):
    return client.post(f"{LIST}add/", {"project": make_project().pk, "name": "billing"})


def shown_key(response):
    return re.search(r"mk_[\w-]{40,}", response.content.decode())[0]


def test_new_key_is_shown_and_opens_the_door():
    response = add_key(staff_client(*RIGHTS))
    assert response.status_code == 200
    assert ApiKey.objects.matching(shown_key(response)).name == "billing"


def test_answer_with_the_key_is_kept_nowhere(caplog):
    client = staff_client(*RIGHTS)
    with caplog.at_level(logging.DEBUG):
        response = add_key(client)
    key = shown_key(response)
    assert "no-store" in response["Cache-Control"]
    assert key not in str(response.cookies)
    assert key not in caplog.text
    assert not [entry for entry in LogEntry.objects.all() if key in f"{entry} {entry.object_repr}"]
    assert key not in str([session.get_decoded() for session in Session.objects.all()])
    for page in (LIST, f"{LIST}{ApiKey.objects.get().pk}/change/", LIST):
        assert key not in client.get(page).content.decode()


def test_list_shows_how_the_key_begins():
    key = make_key()
    page = staff_client(*RIGHTS).get(LIST).content.decode()
    assert key[:10] in page
    assert key not in page


def test_edit_changes_the_name_and_nothing_else():
    key, other = make_key(), make_project()
    row = ApiKey.objects.get()
    changed = {"name": "renamed", "project": other.pk, "digest": "0" * 64, "prefix": "mk_x"}
    staff_client(*RIGHTS).post(f"{LIST}{row.pk}/change/", changed)
    assert ApiKey.objects.matching(key).name == "renamed"
    assert ApiKey.objects.matching(key).project == row.project


def test_revoke_button_asks_first():
    key = make_key()
    row = ApiKey.objects.get()
    page = staff_client(*RIGHTS).get(f"{LIST}{row.pk}/revoke/")
    assert "Yes, revoke it" in page.content.decode()
    assert ApiKey.objects.matching(key)


def test_revoke_button_closes_the_door():
    key = make_key()
    client = staff_client(*RIGHTS)
    client.post(f"{LIST}{ApiKey.objects.get().pk}/revoke/")
    assert ApiKey.objects.matching(key) is None
    assert "Yes, revoke" not in client.get(f"{LIST}{ApiKey.objects.get().pk}/change/")


def test_revoke_needs_a_csrf_token():
    key = make_key()
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff(*RIGHTS))
    assert client.post(f"{LIST}{ApiKey.objects.get().pk}/revoke/").status_code == 403
    assert ApiKey.objects.matching(key)


def test_revoke_needs_the_right_to_change():
    key = make_key()
    row = ApiKey.objects.get()
    viewer = staff_client("accounts.view_apikey")
    assert viewer.post(f"{LIST}{row.pk}/revoke/").status_code == 403
    action = {"action": "revoke_selected", "_selected_action": [row.pk]}
    viewer.post(LIST, action)
    assert ApiKey.objects.matching(key)


def test_action_revokes_the_selected_keys():
    keys = [make_key(), make_key(), make_key()]
    chosen = [ApiKey.objects.matching(key).pk for key in keys[:2]]
    action = {"action": "revoke_selected", "_selected_action": chosen}
    page = staff_client(*RIGHTS).post(LIST, action, follow=True)
    assert "Revoked: 2." in page.content.decode()
    assert [bool(ApiKey.objects.matching(key)) for key in keys] == [False, False, True]


def test_nobody_deletes_keys_or_projects(admin_client):
    make_key()
    row = ApiKey.objects.get()
    assert admin_client.get(f"{LIST}{row.pk}/delete/").status_code == 403
    project = f"/admin/accounts/project/{row.project_id}/delete/"
    assert admin_client.get(project).status_code == 403
