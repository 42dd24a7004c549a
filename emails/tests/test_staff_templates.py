"""Templates on the staff pages: every save a version, and no save of what does not compile."""

import re
from html import unescape

import pytest

from accounts.tests.factories import make_project
from accounts.tests.staff import staff_client
from emails.models import Template
from emails.tests.factories import make_email, make_template, version_of

pytestmark = pytest.mark.django_db
LIST = "/admin/emails/template/"
PREVIEW = f"{LIST}preview/"
RIGHTS = ("emails.view_template", "emails.add_template", "emails.change_template")


@pytest.fixture
def client():
    return staff_client(*RIGHTS)


def form(**values):
    typed = {
        "name": "Welcome",
        "subject": "Hello {{ name }}",
        "html_body": "<p>{{ name }}</p>",
        "text_body": "",
        "sample": "",
    }
    return typed | values


def change(client, template, **values):
    typed = form(name=template.name, _continue="1", **values)
    return client.post(f"{LIST}{template.pk}/change/", typed, follow=True)


def text_of(response):
    return unescape(response.content.decode())


def test_first_save_makes_version_one(client):
    project = make_project()
    client.post(f"{LIST}add/", form(project=project.pk))
    template = Template.objects.get()
    version = version_of(template)
    assert (template.project, template.name, version.number) == (project, "Welcome", 1)
    assert (version.subject, version.html_body) == ("Hello {{ name }}", "<p>{{ name }}</p>")
    assert version.created_by.username.startswith("staff")


def test_form_shows_the_newest_version(client):
    template = make_template(make_project())
    template.add_version("Newest {{ name }}", "<p>Newest</p>")
    page = text_of(client.get(f"{LIST}{template.pk}/change/"))
    assert 'value="Newest {{ name }}"' in page
    assert "<p>Newest</p></textarea>" in page


def test_changed_text_makes_a_new_version_and_leaves_the_old_one(client):
    template = make_template(make_project())
    page = change(client, template, html_body="<p>New</p>")
    assert "This is version 2 now" in text_of(page)
    assert [(v.number, v.html_body) for v in template.versions.all()] == [
        (2, "<p>New</p>"),
        (1, "<p>Hello {{ name }}</p>"),
    ]


def test_unchanged_text_makes_none(client):
    template = make_template(make_project(), html_body="<p>\n{{ name }}\n</p>\n")
    sent_by_a_browser = "<p>\r\n{{ name }}\r\n</p>\r\n"
    change(client, template, html_body=sent_by_a_browser, sample='{"name": "x"}')
    assert template.versions.count() == 1


def test_new_name_alone_makes_none(client):
    template = make_template(make_project())
    typed = form(html_body="<p>Hello {{ name }}</p>") | {"name": "Renamed"}
    client.post(f"{LIST}{template.pk}/change/", typed)
    template.refresh_from_db()
    assert (template.name, template.versions.count()) == ("Renamed", 1)


@pytest.mark.parametrize(
    ("field", "source", "message"),
    [
        ("subject", "Hello {{ name", "Line 1: '{{' is not closed on its line"),
        ("html_body", "<p>\r\n{% include 'x' %}</p>", "Line 2: unknown tag 'include'"),
        ("html_body", "a\r\nb\r\n{{ x|safe }}", "Line 3: unknown filter 'safe'"),
        ("text_body", "{% if a %}", "Line 1: 'if' is never closed"),
    ],
)
def test_template_that_does_not_compile_is_refused_at_its_field(client, field, source, message):
    template = make_template(make_project())
    response = change(client, template, **{field: source})
    assert response.context["adminform"].form.errors.keys() == {field}
    assert message in text_of(response)
    assert template.versions.count() == 1


def test_subject_of_two_lines_is_refused(client):
    template = make_template(make_project())
    response = change(client, template, subject="Hello\r\nBcc: all@example.org")
    assert "CARRIAGE RETURN" in text_of(response)
    assert template.versions.count() == 1


def test_name_of_another_template_is_refused(client):
    template = make_template(make_project())
    response = client.post(f"{LIST}add/", form(project=template.project_id, name=template.name))
    assert response.status_code == 200
    assert Template.objects.count() == 1


def test_template_stays_in_its_project(client):
    template, other = make_template(make_project()), make_project()
    change(client, template, project=other.pk)
    template.refresh_from_db()
    assert template.project != other


def test_page_tells_what_a_program_gives(client):
    html = "{{ order.total }}{% for i in items %}{{ i.name }}{% endfor %}{{ nick|default:'' }}"
    template = make_template(make_project(), html_body=html)
    page = text_of(client.get(f"{LIST}{template.pk}/change/"))
    assert f"<code>template_id</code> {template.pk}" in page
    assert re.findall(r'staff-chip">([^<]+)<', page) == ["items", "name", "order.total"]


def test_versions_are_listed_and_can_be_read(client):
    template = make_template(make_project(), html_body="<p>First {{ name }}</p>")
    change(client, template, html_body="<p>Second</p>")
    page = text_of(client.get(f"{LIST}{template.pk}/change/"))
    assert f"{LIST}{template.pk}/versions/2/" in page
    old = text_of(client.get(f"{LIST}{template.pk}/versions/1/"))
    assert "<p>First {{ name }}</p>" in old
    assert "Second" not in old
    assert client.get(f"{LIST}{template.pk}/versions/3/").status_code == 404


# --- The preview


def test_page_previews_the_saved_version_with_names_for_values(client):
    template = make_template(make_project(), html_body='<p title="x">Hello {{ name }}</p>')
    page = client.get(f"{LIST}{template.pk}/change/").content.decode()
    (frame,) = re.findall(r'<iframe[^>]*name="template-preview"[^>]*>', page)
    assert 'sandbox=""' in frame
    assert "Hello name" in unescape(unescape(frame))
    assert '"> </iframe>' not in page.replace("\n", " ")


def test_preview_renders_what_is_typed_and_saves_nothing(client):
    typed = form(html_body="<p>Dear {{ name }}</p>", sample='{"name": "Ann <&> Bob"}')
    page = client.post(PREVIEW, typed).content.decode()
    assert "Hello Ann &lt;&amp;&gt; Bob" in page  # the subject
    assert "Dear Ann &lt;&amp;&gt; Bob" in unescape(page)
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"html_body": "{% nope %}"}, "line 1: unknown tag 'nope'"),
        ({"sample": "{name: 1}"}, "can't be read as JSON"),
        ({"sample": "[1]"}, "begin with {"),
        ({"sample": "[" * 100_000}, "can't be read as JSON"),
        ({"sample": '{"name": {}}'}, "object cannot be printed"),
        ({"sample": "{}"}, "No sample value for: name"),
    ],
)
def test_preview_says_what_is_wrong(client, values, problem):
    response = client.post(PREVIEW, form(**values))
    assert response.status_code == 200
    assert problem in text_of(response)


def test_preview_cannot_run_scripts_even_when_opened_alone(client):
    response = client.post(PREVIEW, form(html_body="<script>alert(1)</script>"))
    policy = response["Content-Security-Policy"]
    assert "sandbox;" in policy
    assert "default-src 'none'" in policy
    assert "allow" not in policy
    assert "<script" not in response.content.decode()  # escaped, in the inner frame's srcdoc
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_preview_is_for_who_may_write_templates():
    assert staff_client("emails.view_template").post(PREVIEW, form()).status_code == 403
    assert staff_client(*RIGHTS).get(PREVIEW).status_code == 405


# --- Who may do what


def test_viewer_reads_versions_and_changes_nothing():
    template = make_template(make_project())
    viewer = staff_client("emails.view_template")
    page = text_of(viewer.get(f"{LIST}{template.pk}/change/"))
    assert "Version 1" in page
    assert "<textarea" not in page
    assert viewer.get(f"{LIST}{template.pk}/versions/1/").status_code == 200
    change(viewer, template, html_body="<p>New</p>")
    assert template.versions.count() == 1


def test_staff_without_rights_sees_no_template():
    template = make_template(make_project())
    stranger = staff_client("emails.view_email")
    for path in (LIST, f"{LIST}{template.pk}/change/", f"{LIST}{template.pk}/versions/1/"):
        assert stranger.get(path).status_code == 403


def test_template_that_an_email_was_made_with_is_not_deleted(admin_client):
    used, unused = make_template(make_project()), make_template(make_project())
    make_email(used.project, template_version=version_of(used), variables={"name": "Ann"})
    assert admin_client.get(f"{LIST}{used.pk}/delete/").status_code == 403
    admin_client.post(f"{LIST}{unused.pk}/delete/", {"post": "yes"})
    assert list(Template.objects.all()) == [used]
