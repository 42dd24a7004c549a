"""Staff look at uploads; only who may deletes, and nobody adds or changes."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from uploads.admin import KINDS, UploadAdmin
from uploads.kinds import EXTENSIONS
from uploads.models import Upload
from uploads.tests.factories import make_upload

pytestmark = pytest.mark.django_db
LIST = "admin:uploads_upload_changelist"
CHANGE = "admin:uploads_upload_change"
DELETE = "admin:uploads_upload_delete"


def sign_in(client, *codenames):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(staff)


def sign_in_as_superuser(client):
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))


def test_the_list_shows_name_type_and_size(client, local_store):
    sign_in(client, "view_upload")
    upload = make_upload()
    page = client.get(reverse(LIST), {"q": "image"}).content.decode()
    assert upload.name in page
    assert "image/png" in page
    assert "216\xa0bytes" in page


def test_the_list_costs_the_same_for_many(client, local_store, django_assert_max_num_queries):
    sign_in(client, "view_upload")
    for _ in range(5):
        make_upload()
    with django_assert_max_num_queries(12):
        assert client.get(reverse(LIST)).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [{}, {"p": 2}, {"kind": "image"}, {"private__exact": 0}, {"project__id__exact": 1}],
    ids=str,
)
def test_the_list_reads_no_more_of_the_table_than_it_shows(client, local_store, asked):
    sign_in(client, "view_upload")
    make_upload()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(reverse(LIST), asked).status_code == 200
    of_uploads = [q["sql"] for q in queries.captured_queries if 'FROM "uploads"' in q["sql"]]
    assert of_uploads
    for sql in of_uploads:
        assert not re.search(r"COUNT\(|DISTINCT|MIN\(|MAX\(", sql)
        assert 'ORDER BY "uploads"."id" DESC LIMIT' in sql


def test_the_list_goes_on_over_pages_latest_first(client, local_store, monkeypatch):
    monkeypatch.setattr(UploadAdmin, "list_per_page", 2)
    sign_in(client, "view_upload", "delete_upload")
    names = [make_upload().name for _ in range(3)]
    first, second = (client.get(reverse(LIST), {"p": page}) for page in (1, 2))
    assert [upload.name for upload in first.context["cl"].result_list] == names[:0:-1]
    assert [upload.name for upload in second.context["cl"].result_list] == names[:1]
    assert 'href="?p=2"' in first.content.decode()
    assert "Select all 9" not in first.content.decode()  # what nobody counted is not offered


def test_the_list_is_filtered_by_kind(client, local_store):
    sign_in(client, "view_upload")
    picture, text = make_upload(), make_upload(b"Hello", "hello.txt")
    for kind, shown in (("image", [picture]), ("text", [text]), ("audio", []), ("x", [])):
        page = client.get(reverse(LIST), {"kind": kind})
        assert list(page.context["cl"].result_list) == shown


@pytest.mark.parametrize("content_type", EXTENSIONS)
def test_every_type_that_we_know_is_of_a_kind(content_type):
    assert content_type.partition("/")[0] in KINDS


@pytest.mark.parametrize(
    ("content", "private", "shown"),
    [
        (b"\x89PNG\r\n\x1a\n", False, True),
        (b"\x89PNG\r\n\x1a\n", True, False),
        (b"<svg onload='alert(1)'/>", False, False),
        (b"<script>alert(1)</script>", False, False),
    ],
)
def test_only_harmless_public_pictures_are_previewed(client, local_store, content, private, shown):
    sign_in(client, "view_upload")
    upload = make_upload(content, private=private)
    page = client.get(reverse(CHANGE, args=[upload.pk])).content.decode()
    assert (f'<img src="{upload.url}"' in page) is shown
    assert (f'href="{upload.url}"' in page) is not private


def test_a_file_name_can_not_write_markup(client, local_store):
    sign_in(client, "view_upload")
    upload = make_upload(filename="<b onclick=alert(1)>.png")
    page = client.get(reverse(CHANGE, args=[upload.pk])).content.decode()
    assert "&lt;b onclick" in page
    assert "<b onclick" not in page


def test_nobody_adds_or_changes(client, local_store):
    sign_in_as_superuser(client)
    upload = make_upload()
    assert client.get(reverse("admin:uploads_upload_add")).status_code == 403
    changed = client.post(reverse(CHANGE, args=[upload.pk]), {"name": "other.png"})
    assert changed.status_code == 403


def test_staff_without_rights_do_not_see_uploads(client, local_store):
    sign_in(client)
    upload = make_upload()
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse(CHANGE, args=[upload.pk])).status_code == 403


def test_deleting_wants_its_own_right(client, local_store):
    sign_in(client, "view_upload")
    upload = make_upload()
    assert client.post(reverse(DELETE, args=[upload.pk]), {"post": "yes"}).status_code == 403
    client.logout()
    User.objects.all().delete()
    sign_in(client, "view_upload", "delete_upload")
    client.post(reverse(DELETE, args=[upload.pk]), {"post": "yes"})
    assert not Upload.objects.exists()


def test_a_file_that_an_email_holds_is_not_deleted(client, local_store):
    sign_in_as_superuser(client)
    upload = make_upload()
    email = apps.get_model("emails.Email").objects.create(
        project=upload.project,
        from_email="shop@example.com",
        rfc_message_id="<1@example.com>",
        expires_at=timezone.now(),
    )
    apps.get_model("emails.Attachment").objects.create(email=email, upload=upload, name="a.png")
    single = client.post(reverse(DELETE, args=[upload.pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [upload.pk], "post": "yes"}
    several = client.post(reverse(LIST), chosen)
    assert (single.status_code, several.status_code) == (200, 200)  # the page that says why
    assert Upload.objects.get().read()
