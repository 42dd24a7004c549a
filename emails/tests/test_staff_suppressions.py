"""Staff keep the list of suppressed addresses."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.tests.staff import staff_client
from emails.models import EmailEvent, EventType, Suppression
from emails.suppressing import suppress
from emails.tests.factories import make_email, make_project

pytestmark = pytest.mark.django_db
LIST = "/admin/emails/suppression/"
ALL = [f"emails.{verb}_suppression" for verb in ("view", "add", "change", "delete")]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def staff():
    return staff_client(*ALL)


def upload(client, project, text):
    file = SimpleUploadedFile("list.csv", text if isinstance(text, bytes) else text.encode())
    return client.post(f"{LIST}import/", {"project": project.pk, "file": file})


def test_staff_add_an_address_in_any_case_once(staff, project):
    form = {"project": project.pk, "address": "Ann@BÜCHER.example", "note": "asked by phone"}
    assert staff.post(f"{LIST}add/", form).status_code == 302
    entry = Suppression.objects.get()
    assert (entry.address, entry.reason) == ("ann@xn--bcher-kva.example", "manual")
    again = staff.post(f"{LIST}add/", form)
    assert "It is on the list already (entered by staff)." in again.content.decode()
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("address", ["", "ann", "ann@", "ann@192.0.2.1", "a b@example.org"])
def test_what_is_no_address_is_refused_with_a_sentence(staff, project, address):
    answer = staff.post(f"{LIST}add/", {"project": project.pk, "address": address, "note": ""})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["address"]
    assert not Suppression.objects.exists()


def test_only_the_note_of_an_entry_changes(staff, project):
    suppress(project.pk, "ann@example.org", "bounce")
    row = Suppression.objects.get()
    form = {
        "project": make_project().pk,
        "address": "bob@example.org",
        "note": "n",
        "reason": "manual",
    }
    assert staff.post(f"{LIST}{row.pk}/change/", form).status_code == 302
    row.refresh_from_db()
    assert (row.address, row.project, row.reason, row.note) == (
        "ann@example.org",
        project,
        "bounce",
        "n",
    )


def test_entry_shows_the_mail_that_put_it_there(staff, project):
    email = make_email(project)
    event = EmailEvent.objects.create(type=EventType.BOUNCE, email=email)
    suppress(project.pk, "ann@example.org", "bounce", event)
    page = staff.get(f"{LIST}{Suppression.objects.get().pk}/change/").content.decode()
    assert f"/admin/emails/email/{email.pk}/change/" in page
    assert email.public_id in page


def test_removing_asks_first(staff, project):
    suppress(project.pk, "ann@example.org", "bounce")
    path = f"{LIST}{Suppression.objects.get().pk}/delete/"
    assert "Are you sure" in staff.get(path).content.decode()
    assert Suppression.objects.exists()
    assert staff.post(path, {"post": "yes"}).status_code == 302
    assert not Suppression.objects.exists()


def test_list_is_searched_and_filtered(staff, project):
    other = make_project()
    suppress(project.pk, "ann@example.org", "bounce")
    suppress(other.pk, "bob@example.org", "complaint")
    for query, expected in [
        ("", {"ann@example.org", "bob@example.org"}),
        ("q=ANN", {"ann@example.org"}),
        ("reason__exact=complaint", {"bob@example.org"}),
        (f"project__id__exact={project.pk}", {"ann@example.org"}),
    ]:
        page = staff.get(f"{LIST}?{query}").content.decode()
        assert {a for a in ("ann@example.org", "bob@example.org") if f">{a}<" in page} == expected


def test_import_takes_good_lines_and_names_wrong_ones(staff, project):
    page = upload(staff, project, "address,reason\nann@example.org,bounce\nnobody\n<b>@x,\n")
    text = page.content.decode()
    assert Suppression.objects.get().reason == "bounce"
    assert page.context["wrong_count"] == 2
    assert [line.number for line in page.context["wrong"]] == [3, 4]
    assert "<b>" not in text
    again = upload(staff, project, "ann@example.org,bounce\n")
    assert (again.context["done"].new, again.context["known"]) == (0, 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\xff", b"a@example.org\n" * 100_001],
    ids=["empty", "no text", "too long"],
)
def test_import_refuses_what_it_can_not_read_and_takes_nothing(staff, project, content):
    page = upload(staff, project, content)
    assert page.status_code == 200
    assert page.context["form"].errors["file"]
    assert not Suppression.objects.exists()


def test_export_gives_everything_and_is_a_file(staff, project):
    for number in range(60):
        suppress(project.pk, f"p{number}@example.org", "bounce", note="=1+1")
    answer = staff.get(f"{LIST}export/")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0] == "address,reason,note,project,since"
    assert len(lines) == 61
    assert lines[1].startswith(f"p0@example.org,bounce,'=1+1,{project.slug},")


def test_export_of_a_selection(staff, project):
    for number in range(3):
        suppress(project.pk, f"p{number}@example.org", "bounce")
    chosen = Suppression.objects.get(address="p1@example.org").pk
    form = {"action": "export_selected", "_selected_action": [chosen]}
    answer = staff.post(LIST, form)
    assert [line.split(b",")[0] for line in b"".join(answer.streaming_content).splitlines()] == [
        b"address",
        b"p1@example.org",
    ]


@pytest.mark.parametrize(
    ("path", "right"),
    [("import/", "add"), ("export/", "view"), ("add/", "add"), ("", "view")],
)
def test_each_page_needs_its_right(path, right):
    others = [name for name in ALL if not name.endswith(f".{right}_suppression")]
    assert staff_client("emails.view_email").get(f"{LIST}{path}").status_code == 403
    assert staff_client(f"emails.{right}_suppression").get(f"{LIST}{path}").status_code == 200
    if right == "add":
        assert staff_client(*others).get(f"{LIST}{path}").status_code == 403
