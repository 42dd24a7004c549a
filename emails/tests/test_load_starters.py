"""`load_starters`: what it makes, and what it leaves alone."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Project
from accounts.tests.factories import make_project
from emails import starters
from emails.models import Template
from emails.rendering import render
from emails.tests.factories import make_email

pytestmark = pytest.mark.django_db
NAMES = ["Password reset", "Receipt", "Welcome"]


def load(*arguments, **options):
    call_command("load_starters", *arguments, verbosity=0, **options)


def names_of(project):
    return sorted(project.templates.values_list("name", flat=True))


def test_default_project_gets_every_starter():
    load()
    assert names_of(Project.objects.get(slug="default")) == NAMES


def test_subject_is_one_line():
    load()
    for template in Template.objects.all():
        assert "\n" not in template.current.subject


def test_every_loaded_starter_renders_with_its_sample():
    load()
    for template in Template.objects.all():
        folder = starters.FOLDER / template.name.lower().replace(" ", "_")
        sample = json.loads((folder / "sample.json").read_text())
        mail = make_email(
            template.project,
            subject="",
            html_body="",
            template_version=template.current,
            variables=sample,
        )
        rendered = render(mail)
        assert sample["product_name"] in rendered.subject
        assert sample["action_url"] in rendered.text
        assert sample["name"] in rendered.html


def test_loading_twice_changes_nothing():
    load()
    before = list(Template.objects.values_list("pk", "versions__pk"))
    load()
    assert list(Template.objects.values_list("pk", "versions__pk")) == before


def test_what_staff_wrote_is_kept_and_only_what_is_missing_is_loaded():
    load()
    welcome = Template.objects.get(name="Welcome")
    welcome.add_version("Our own words", "<p>Ours</p>")
    Template.objects.get(name="Receipt").delete()
    load()
    assert welcome.current.subject == "Our own words"
    assert names_of(welcome.project) == NAMES


def test_another_project_can_have_them_too():
    project = make_project()
    load(project=project.slug)
    assert names_of(project) == NAMES
    assert Template.objects.exclude(project=project).count() == 0


def test_unknown_project_is_refused_with_the_known_ones(capsys):
    make_project()
    with pytest.raises(CommandError, match=r"no project 'nobody'\. Projects: "):
        load(project="nobody")


def test_new_templates_are_named(capsys):
    call_command("load_starters")
    assert capsys.readouterr().out.splitlines() == [f"template {n!r} loaded" for n in NAMES]
