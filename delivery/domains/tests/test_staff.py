"""Sending domains on the staff pages."""

import re
import threading
from contextlib import suppress
from html import unescape

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_domain, make_project
from accounts.tests.staff import make_staff, staff_client
from delivery.admin.domains import SendingDomainAdmin
from delivery.domains import checking
from delivery.domains.tests.zones import publish

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/sendingdomain/"
RIGHTS = tuple(f"accounts.{verb}_sendingdomain" for verb in ("view", "add", "change", "delete"))


def new_domain(**values):
    domain = make_domain(**({"verified_at": None} | values))
    DkimKey.generate(domain, DkimKey.Algorithm.ED25519)
    return domain


def page_of(domain, client=None):
    client = client or staff_client(*RIGHTS)
    return client.get(f"{LIST}{domain.pk}/change/").content.decode()


def copied(page):
    return [unescape(text) for text in re.findall(r'data-copy="([^"]*)"', page)]


def test_added_domain_leads_to_its_records():
    client = staff_client(*RIGHTS)
    form = {"project": make_project().pk, "name": "Bücher.example"}
    page = client.post(f"{LIST}add/", form, follow=True).content.decode()
    domain = SendingDomain.objects.get()
    assert domain.name == "xn--bcher-kva.example"
    assert domain.dkim_keys.count() == 2
    assert "Waiting for DNS" in page
    for record in checking.records_of(domain):
        assert record.name in copied(page)
        for part in [record.value] if record.type == "TXT" else record.value.split():
            assert part.rstrip(".") in copied(page)


@pytest.mark.parametrize("name", ["com", "ann@shop.example", "192.0.2.1", "a b.example"])
def test_form_refuses_what_is_no_domain_with_a_sentence(name):
    form = {"project": make_project().pk, "name": name}
    page = staff_client(*RIGHTS).post(f"{LIST}add/", form).content.decode()
    assert "example.com" in page
    assert "errornote" in page or "Please correct" in page
    assert not SendingDomain.objects.exists()


def test_form_refuses_a_domain_that_the_project_has_and_leads_to_it():
    domain = new_domain()
    form = {"project": domain.project_id, "name": domain.name.upper()}
    page = staff_client(*RIGHTS).post(f"{LIST}add/", form).content.decode()
    assert f"{domain.name} was added to {domain.project} already." in page
    assert f'<a href="{LIST}{domain.pk}/change/">' in page
    assert "constraint" not in page
    assert "with this Project and Name" not in page
    assert SendingDomain.objects.count() == 1


def test_project_in_the_refusal_is_text():
    domain = new_domain(project=make_project(name="<b>Shop</b>"))
    form = {"project": domain.project_id, "name": domain.name}
    page = staff_client(*RIGHTS).post(f"{LIST}add/", form).content.decode()
    assert "was added to &lt;b&gt;Shop&lt;/b&gt; already" in page


def test_domain_of_another_project_may_be_added():
    form = {"project": make_project().pk, "name": new_domain().name}
    staff_client(*RIGHTS).post(f"{LIST}add/", form)
    assert SendingDomain.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_domain_that_somebody_adds_at_the_same_moment_is_refused_by_the_form(monkeypatch):
    """With PostgreSQL. SQLite has one writer: the other one comes too late."""
    project = make_project()
    save_model = SendingDomainAdmin.save_model
    other = threading.Thread(target=add_elsewhere, args=[project])

    def after_another(*arguments):
        monkeypatch.undo()
        other.start()
        other.join(0.1 if connection.vendor == "sqlite" else 30)
        save_model(*arguments)

    monkeypatch.setattr(SendingDomainAdmin, "save_model", after_another)
    form = {"project": project.pk, "name": "shop.example"}
    answer = staff_client(*RIGHTS).post(f"{LIST}add/", form)
    other.join(30)
    assert SendingDomain.objects.count() == 1
    if connection.vendor == "sqlite":
        assert answer.status_code == 302
    else:
        assert "shop.example was added to" in answer.content.decode()


def add_elsewhere(project):
    try:
        with suppress(IntegrityError):
            make_domain(project, "shop.example")
    finally:
        connection.close()


def test_check_now_shows_what_is_right_wrong_and_missing(dns):
    domain = new_domain()
    wanted = {record.purpose: record for record in checking.records_of(domain)}
    publish(dns.zone, [wanted["dkim"]])
    dns.zone.add(domain.name, "TXT", "v=spf1 include:other.example ~all")
    dns.zone.add("other.example", "TXT", "v=spf1 -all")
    dns.zone.fail(f"_dmarc.{domain.name}")
    client = staff_client(*RIGHTS)
    page = client.post(f"{LIST}{domain.pk}/check/", follow=True).content.decode()
    assert "is verified" in page
    for word in ("Right", "Wrong", "Missing", "Not known"):
        assert re.search(rf">\s*{word}\s*<", page), word
    merged = "v=spf1 include:other.example a:mail.example.net ~all"
    assert merged in copied(page)
    assert wanted["spf"].value not in copied(page)  # it would throw their own senders out
    assert "1 right" in client.get(LIST).content.decode()


def test_what_is_optional_may_be_left_out(dns, settings):
    settings.PUBLIC_URL = "https://click.example.net"
    domain = new_domain()
    publish(dns.zone, [r for r in checking.records_of(domain) if r.need != "optional"])
    client = staff_client(*RIGHTS)
    client.post(f"{LIST}{domain.pk}/check/")
    again = client.post(f"{LIST}{domain.pk}/check/", follow=True).content.decode()
    assert "every record is right" in again
    assert re.search(r">\s*Not used\s*<", again)
    assert "missing" not in client.get(LIST).content.decode()


def test_looking_needs_a_post_and_its_token(dns):
    domain = new_domain()
    assert staff_client(*RIGHTS).get(f"{LIST}{domain.pk}/check/").status_code == 405
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff(*RIGHTS))
    assert client.post(f"{LIST}{domain.pk}/check/").status_code == 403
    domain.refresh_from_db()
    assert domain.checked_at is None


def test_new_keys_are_explained_first():
    domain = new_domain()
    domain.dkim_keys.get().activate()
    client = staff_client(*RIGHTS)
    page = client.get(f"{LIST}{domain.pk}/rotate/").content.decode()
    assert "the keys of today sign until then" in page
    assert domain.dkim_keys.count() == 1
    client.post(f"{LIST}{domain.pk}/rotate/")
    assert sorted(str(key.state) for key in domain.dkim_keys.all()) == [
        *("pending", "pending", "signing")
    ]


def test_trust_asks_first_and_is_offered_once():
    domain = new_domain()
    client = staff_client(*RIGHTS)
    assert "Trust without DNS" in page_of(domain, client)
    asked = client.get(f"{LIST}{domain.pk}/trust/").content.decode()
    assert "Yes, I know it is theirs" in asked
    assert not SendingDomain.objects.verified().exists()
    client.post(f"{LIST}{domain.pk}/trust/")
    assert SendingDomain.objects.verified().get() == domain
    assert "Trust without DNS" not in page_of(domain, client)
    assert str(domain.dkim_keys.get().state) == "pending"


@pytest.mark.parametrize("name", ["check", "rotate", "trust"])
def test_who_may_only_look_changes_nothing(dns, name):
    domain = new_domain()
    viewer = staff_client("accounts.view_sendingdomain")
    page = page_of(domain, viewer)
    assert "Check now</" not in page
    assert f"/{name}/" not in page
    assert viewer.post(f"{LIST}{domain.pk}/{name}/").status_code == 403
    assert SendingDomain.objects.filter(verified_at=None, checked_at=None).exists()
    assert domain.dkim_keys.count() == 1


@pytest.mark.parametrize("name", ["check", "rotate", "trust"])
@pytest.mark.parametrize("row", ["4711", "x", "1%0a"])
def test_row_that_is_not_there_is_not_found(name, row):
    assert staff_client(*RIGHTS).post(f"{LIST}{row}/{name}/").status_code == 404


def test_private_keys_appear_nowhere():
    domain = new_domain()
    key = domain.dkim_keys.get()
    client = staff_client(*RIGHTS)
    for path in (LIST, f"{LIST}{domain.pk}/change/", f"{LIST}{domain.pk}/delete/"):
        shown = client.get(path).content.decode()
        assert domain.name in shown
        assert key.private_key not in shown
        assert "PRIVATE" not in shown


def test_page_has_no_script_of_its_own_and_no_form_to_save():
    page = page_of(new_domain())
    assert 'name="_save"' not in page
    assert "delivery/copy.js" in page
    content = page[page.index("staff-page") :]
    assert not re.search(r"<script(?![^>]*src=)", content.partition("</main>")[0])


def test_removed_domain_takes_its_keys_along():
    domain = new_domain()
    staff_client(*RIGHTS).post(f"{LIST}{domain.pk}/delete/", {"post": "yes"})
    assert not SendingDomain.objects.exists()
    assert not DkimKey.objects.exists()
