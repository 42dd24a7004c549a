"""MTA-STS policies on the staff pages: read, and forgotten."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.tests.staff import staff_client
from delivery.models import MtaStsPolicy
from delivery.smtp.mta_sts import HeldPolicy, StsMode, StsPolicy

pytestmark = pytest.mark.django_db
LIST = "/admin/delivery/mtastspolicy/"
RIGHTS = tuple(f"delivery.{verb}_mtastspolicy" for verb in ("view", "add", "change", "delete"))


def make_policy(domain, mode=StsMode.ENFORCE):
    policy = StsPolicy(mode, ("mx." + domain,), 86_400, "1")
    MtaStsPolicy.objects.keep(domain, HeldPolicy(policy, timezone.now()))


def test_list_tells_what_holds():
    make_policy("a.example")
    make_policy("b.example", StsMode.TESTING)
    make_policy("c.example", StsMode.NONE)
    make_policy("d.example")
    ended = timezone.now() - timedelta(hours=1)
    MtaStsPolicy.objects.filter(domain="d.example").update(expires_at=ended)
    page = staff_client(*RIGHTS).get(LIST)
    admin = page.context["cl"].model_admin
    rows = page.context["cl"].result_list
    assert {row.domain: admin.state(row) for row in rows} == {
        "a.example": "enforced",
        "b.example": "testing",
        "c.example": "taken back",
        "d.example": "ended",
    }
    assert "mx.a.example" in page.content.decode()


def test_forgotten_policies_are_gone_and_that_is_logged():
    make_policy("a.example")
    make_policy("b.example")
    chosen = MtaStsPolicy.objects.get(domain="a.example")
    values = {"action": "forget", "_selected_action": [chosen.pk]}
    response = staff_client(*RIGHTS).post(LIST, values, follow=True)
    assert "Forgotten: 1." in response.content.decode()
    assert [row.domain for row in MtaStsPolicy.objects.all()] == ["b.example"]
    assert LogEntry.objects.get().object_repr == "a.example"


def test_nobody_writes_policies():
    make_policy("a.example")
    row, staff = MtaStsPolicy.objects.get(), staff_client(*RIGHTS)
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert staff.post(f"{LIST}{row.pk}/change/", {"domain": "b.example"}).status_code == 403


def test_who_may_only_view_forgets_nothing():
    make_policy("a.example")
    values = {"action": "forget", "_selected_action": [MtaStsPolicy.objects.get().pk]}
    staff_client("delivery.view_mtastspolicy").post(LIST, values)
    assert MtaStsPolicy.objects.exists()


def test_stranger_sees_nothing(client):
    assert client.get(LIST).status_code == 302
    assert staff_client("emails.view_email").get(LIST).status_code == 403


@pytest.mark.parametrize(("on", "said"), [(True, "over TLS"), (False, "MTA_STS is off")])
def test_list_says_what_policies_do(settings, on, said):
    settings.MTA_STS = on
    assert said in staff_client(*RIGHTS).get(LIST).content.decode()
