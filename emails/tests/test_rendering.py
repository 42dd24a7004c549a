"""What is sent of an email: the template filled, CSS inlined, and a text for those who want one."""

import pytest

from accounts.tests.factories import make_project
from emails.inlining import inline_css
from emails.rendering import MissingVariables, render, render_to_send, render_without_text
from emails.tests.factories import make_email, make_template, version_of

pytestmark = pytest.mark.django_db

SHEET = "<style>.pre { display: none } p { margin: 0 }</style>"


def mail_of(html_body="", variables=None, body="", **parts):
    project = make_project()
    template = make_template(project, html_body=html_body, **parts)
    return make_email(
        project,
        subject="",
        html_body=body,
        template_version=version_of(template),
        variables={"name": "Ann", **(variables or {})},
    )


@pytest.mark.parametrize("source", [f"{SHEET}<p>{{{{ name }}}}</p>", "<p>{{ name }}</p>", ""])
def test_html_that_is_sent_is_what_is_shown_with_its_css_inlined(source):
    for mail in (mail_of(source), make_email(html_body=source or "x")):
        assert render_to_send(mail).html == inline_css(render(mail).html)


def test_text_leaves_out_what_a_style_sheet_hides():
    html = f'{SHEET}<div class="pre">SECRET</div><p>Hello {{{{ name }}}}</p>'
    for mail in (mail_of(html), make_email(html_body=html)):
        assert "SECRET" not in render(mail).text
        assert render(mail).text == render_to_send(mail).text


def test_text_of_a_layout_has_the_body_as_text():
    mail = mail_of("<div>{{ body }}</div>", body="<p>Hi</p>", text_body="-- {{ body }} {{ name }}")
    assert render_to_send(mail).text == "-- Hi\n Ann"
    assert render_to_send(mail).html == "<div><p>Hi</p></div>"


def test_all_that_is_missing_in_any_part_is_told_at_once():
    mail = mail_of("{{ name }}", subject="{{ name }}")
    mail.template_version.html_body = "{% if body %}{{ b }}{% else %}{{ a }}{% endif %}"
    mail.subject, mail.template_version.subject = "", "{{ s }}{{ body }}"
    mail.template_version.text_body = "{{ t }}"
    for fill in (render, render_to_send, render_without_text):
        with pytest.raises(MissingVariables) as missing:
            fill(mail)
        assert missing.value.names == ["a", "body", "s", "t"]


def test_what_is_missing_is_asked_of_the_branch_that_a_body_takes():
    mail = mail_of("{{ name }}", body="<p>Hi</p>")
    mail.template_version.html_body = "{% if body %}{{ b }}{% else %}{{ a }}{% endif %}"
    with pytest.raises(MissingVariables, match=r"^b$"):
        render_to_send(mail)


def test_variable_named_body_is_shown_where_no_body_was_given():
    mail = mail_of("<p>{{ body }}</p>", {"body": "<b>Hi</b>"}, text_body="{{ body }}!")
    assert render_to_send(mail).html == "<p>&lt;b&gt;Hi&lt;/b&gt;</p>"
    assert render_to_send(mail).text == "<b>Hi</b>!"
