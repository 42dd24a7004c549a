"""Staff look at uploads; only who may deletes, and nobody adds or changes."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

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
