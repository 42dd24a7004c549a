"""The staff pages as a whole: who sees what, and that nothing comes from elsewhere."""

import re
from urllib.parse import urlsplit

import pytest
from django.contrib import admin

from accounts.tests.factories import make_key, make_project
from accounts.tests.staff import staff_client
from emails.tests.factories import make_email, make_template

pytestmark = pytest.mark.django_db

LISTS = {
    "emails.view_email": "/admin/emails/email/",
    "emails.view_template": "/admin/emails/template/",
    "emails.view_suppression": "/admin/emails/suppression/",
    "delivery.view_destinationlimit": "/admin/delivery/destinationlimit/",
    "uploads.view_upload": "/admin/uploads/upload/",
    "accounts.view_sendingdomain": "/admin/accounts/sendingdomain/",
    "delivery.view_inboundmessage": "/admin/delivery/inboundmessage/",
    "accounts.view_project": "/admin/accounts/project/",
    "accounts.view_apikey": "/admin/accounts/apikey/",
    "auth.view_user": "/admin/auth/user/",
    "auth.view_group": "/admin/auth/group/",
    "django_celery_beat.view_periodictask": "/admin/django_celery_beat/periodictask/",
}


def links(response):
    return set(re.findall(r'href="(/[^"#?]*)"', response.content.decode()))


@pytest.mark.parametrize("right", LISTS)
def test_staff_sees_what_its_rights_allow_and_nothing_else(right):
    client = staff_client(right)
    index = client.get("/admin/")
    assert links(index) & set(LISTS.values()) == {LISTS[right]}
    for other, path in LISTS.items():
        assert client.get(path).status_code == (200 if other == right else 403)


def test_staff_without_rights_sees_no_list():
    index = staff_client().get("/admin/")
    assert index.status_code == 200
    assert not links(index) & set(LISTS.values())


def test_inbox_is_linked_with_the_capture_transport_only(settings):
    client = staff_client("emails.view_email")
    assert "/inbox" in links(client.get("/admin/"))
    settings.MAIL_TRANSPORT = "relay"
    assert "/inbox" not in links(client.get("/admin/"))


def test_every_list_and_form_opens(admin_client):
    make_key(), make_email(), make_template(make_project())
    for model, model_admin in admin.site._registry.items():
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        if model._meta.app_label == "admin":
            continue
        assert admin_client.get(name).status_code == 200
        request = admin_client.get(name).wsgi_request
        expected = 200 if model_admin.has_add_permission(request) else 403
        assert admin_client.get(f"{name}add/").status_code == expected
        row = model.objects.first()
        if row:
            assert admin_client.get(f"{name}{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("row", ["4711", "x", "1%0a", "9" * 30])
@pytest.mark.parametrize(
    "path",
    [
        "emails/email/{}/change/",
        "emails/email/{}/cancel/",
        "emails/template/{}/change/",
        "accounts/apikey/{}/change/",
        "accounts/apikey/{}/revoke/",
        "accounts/sendingdomain/{}/change/",
        "accounts/sendingdomain/{}/rotate/",
        "delivery/inboundmessage/{}/change/",
        "delivery/inboundmessage/{}/eml/",
        "delivery/inboundmessage/{}/handled/",
    ],
)
def test_rows_that_are_not_there_are_not_found(admin_client, path, row):
    answer = admin_client.get(f"/admin/{path.format(row)}")
    if path.endswith("/change/") and answer.status_code == 302:
        assert answer.headers["Location"] == "/admin/"  # where Django says that it is not there
    else:
        assert answer.status_code == 404


def test_pages_load_nothing_from_elsewhere(admin_client):
    email, template = make_email(), make_template(make_project())
    for path in (
        "/admin/",
        "/admin/emails/email/",
        f"/admin/emails/email/{email.pk}/change/",
        f"/admin/emails/template/{template.pk}/change/",
        "/admin/accounts/apikey/add/",
        "/admin/django_celery_beat/periodictask/add/",
    ):
        page = admin_client.get(path).content.decode()
        loaded = re.findall(r'<(?:link|script|img|iframe)[^>]*?(?:href|src)="([^"]*)"', page)
        assert loaded
        assert [url for url in loaded if urlsplit(url).netloc] == []
