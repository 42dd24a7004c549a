"""Where there is only one project, no form makes staff choose it."""

import re

import pytest

from accounts.tests.factories import make_project
from accounts.tests.staff import staff_client

pytestmark = pytest.mark.django_db
FORMS = {
    "/admin/accounts/apikey/add/": "accounts.add_apikey",
    "/admin/accounts/sendingdomain/add/": "accounts.add_sendingdomain",
    "/admin/emails/template/add/": "emails.add_template",
    "/admin/emails/suppression/add/": "emails.add_suppression",
    "/admin/emails/suppression/import/": "emails.add_suppression",
    "/admin/delivery/route/which-way/": "delivery.view_route",
}


def chosen(path, right):
    """The value of the form's project; "" where there is a choice to be made."""
    answer = staff_client(right, right.replace("add_", "view_")).get(path, follow=True)
    assert answer.status_code == 200, path
    [select] = re.findall(
        r'<select[^>]*name="project".*?</select>', answer.content.decode(), re.DOTALL
    )
    options = re.findall(r'<option value="(\d*)"([^>]*)>', select)
    return next((value for value, more in options if "selected" in more), options[0][0])


@pytest.mark.parametrize(("path", "right"), FORMS.items())
def test_only_project_is_chosen_and_of_several_none(path, right):
    assert chosen(path, right) == ""
    only = make_project()
    assert chosen(path, right) == str(only.pk)
    make_project()
    assert chosen(path, right) == ""


def test_route_is_for_every_project_until_somebody_says_otherwise():
    make_project()
    assert chosen("/admin/delivery/route/add/", "delivery.add_route") == ""


def test_address_of_the_page_may_name_a_project():
    make_project()
    second = make_project()
    path = f"/admin/emails/template/add/?project={second.pk}"
    assert chosen(path, "emails.add_template") == str(second.pk)
