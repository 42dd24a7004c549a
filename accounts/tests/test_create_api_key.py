"""`manage.py create_api_key`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Project
from accounts.tests.factories import make_project

pytestmark = pytest.mark.django_db


def create(*arguments):
    output = StringIO()
    call_command("create_api_key", *arguments, stdout=output)
    return output.getvalue()


def test_last_line_is_the_key_alone():
    output = create("--name", "billing")
    key = output.splitlines()[-1]
    assert output.endswith(f"{key}\n")
    assert ApiKey.objects.matching(key) == ApiKey.objects.get()
    assert output.count(key) == 1


def test_default_project_is_made_once():
    create("--name", "billing")
    create("--name", "shop")
    project = Project.objects.get()
    assert (project.name, project.slug) == ("Default", "default")
    assert {key.name for key in project.api_keys.all()} == {"billing", "shop"}


def test_project_is_named_by_its_slug():
    project = make_project(slug="shop")
    create("--name", "billing", "--project", "shop")
    assert ApiKey.objects.get().project == project


def test_unknown_project_is_refused_with_those_that_there_are():
    make_project(slug="shop")
    with pytest.raises(CommandError, match=r"no project 'shpo'.*Projects: shop"):
        create("--name", "billing", "--project", "shpo")
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\0b"])
def test_name_that_cannot_be_kept_is_refused(name):
    with pytest.raises(CommandError, match="--name"):
        create("--name", name)
    assert not ApiKey.objects.exists()
