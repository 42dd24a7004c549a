"""Routes on the staff pages: written with care, and asked which of them decides."""

import pytest

from accounts.tests.factories import make_project
from accounts.tests.staff import staff_client
from delivery.models import Route

pytestmark = pytest.mark.django_db
LIST = "/admin/delivery/route/"
RIGHTS = tuple(f"delivery.{verb}_route" for verb in ("view", "add", "change", "delete"))


@pytest.fixture(autouse=True)
def _ways(settings):
    settings.MAIL_TRANSPORT = "mx"
    settings.SMTP_RELAY_URL = ["smtp://relay.example.com"]


@pytest.fixture
def staff():
    return staff_client(*RIGHTS)


def written(staff, **values):
    """Write a route; what the page says, empty where it was saved."""
    filled = {"domain": "", "project": "", "way": "mx", "position": 10} | values
    response = staff.post(f"{LIST}add/", filled)
    if response.status_code == 302:
        return ""
    errors = response.context["adminform"].form.errors
    return " ".join(sentence for field in errors.values() for sentence in field)


def asked(staff, **question):
    return staff.get(f"{LIST}which-way/", question).content.decode()


def test_route_is_kept_as_it_is_compared(staff):
    project = make_project()
    assert written(staff, domain="*.Bücher.Example", project=project.pk, way="mx,relay") == ""
    route = Route.objects.get()
    assert route.domain == ".xn--bcher-kva.example"
    assert (route.project, route.way) == (project, "mx,relay")


@pytest.mark.parametrize("domain", ["ann@example.com", "a b", "example..com"])
def test_what_is_no_domain_is_refused_with_a_sentence(staff, domain):
    assert f"“{domain}” is no domain." in written(staff, domain=domain)
    assert not Route.objects.exists()


@pytest.mark.parametrize("way", ["relay", "relay,mx", "mx,relay"])
def test_way_to_a_relay_that_is_not_there_is_refused_with_a_sentence(staff, settings, way):
    settings.SMTP_RELAY_URL = []
    assert "SMTP_RELAY_URL is not set." in written(staff, way=way)
    assert not Route.objects.exists()


def test_second_route_for_the_same_mail_is_refused(staff):
    written(staff, domain="a.example")
    assert "There is a route for this mail already" in written(staff, domain="A.example.")
    assert written(staff, domain="a.example", project=make_project().pk) == ""


def test_route_can_be_saved_again(staff):
    written(staff, domain="a.example")
    route = Route.objects.get()
    values = {"domain": "a.example", "project": "", "way": "relay", "position": 5}
    assert staff.post(f"{LIST}{route.pk}/change/", values).status_code == 302
    route.refresh_from_db()
    assert (route.way, route.position) == ("relay", 5)


def test_new_route_comes_last(staff):
    Route.objects.create(position=40, way="mx")
    assert 'value="50"' in staff.get(f"{LIST}add/").content.decode()


def states(staff):
    """What the list says of each route."""
    page = staff.get(LIST)
    admin = page.context["cl"].model_admin
    return [admin.note(route) for route in page.context["cl"].result_list]


def test_list_tells_which_routes_decide(staff, settings):
    project = make_project()
    Route.objects.create(position=10, domain=".example.com", way="mx")
    Route.objects.create(position=20, domain="a.example.com", project=project, way="mx")
    Route.objects.create(position=30, domain="example.com", way="relay")
    assert states(staff) == ["in use", "an earlier one decides", "in use"]
    settings.SMTP_RELAY_URL = []
    assert states(staff)[2] == "there is no relay"


def test_no_route_is_called_in_use_where_none_counts(staff, settings):
    Route.objects.create(position=10, way="mx")
    settings.MAIL_TRANSPORT = "capture"
    assert states(staff) == ["no route counts"]


def test_list_costs_no_query_for_each_route(staff, django_assert_max_num_queries):
    for number in range(30):
        Route.objects.create(position=number, domain=f"n{number}.example", way="mx")
    with django_assert_max_num_queries(12):
        staff.get(LIST)


def test_position_can_be_changed_in_the_list(staff):
    first = Route.objects.create(position=10, domain="a.example", way="mx")
    values = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": first.pk,
        "form-0-position": 70,
        "_save": "Save",
    }
    assert staff.post(LIST, values).status_code == 302
    first.refresh_from_db()
    assert first.position == 70


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        ("mx", "goes by MAIL_TRANSPORT, the built-in mail server"),
        ("relay", "goes by MAIL_TRANSPORT, the relay"),
        ("capture", "nothing leaves this machine, and no route counts"),
    ],
)
def test_list_tells_what_happens_to_other_mail(staff, settings, transport, said):
    settings.MAIL_TRANSPORT = transport
    assert said in staff.get(LIST).content.decode()


def test_page_tells_which_way_a_mail_would_go(staff):
    project, other = make_project(name="Billing"), make_project()
    route = Route.objects.create(domain=".example.com", project=project, way="relay,mx")
    page = asked(staff, recipient="Ann@Mail.Example.com", project=project.pk)
    assert "<h2>Relay, else built-in mail server</h2>" in page
    assert f"/admin/delivery/route/{route.pk}/change/" in page
    page = asked(staff, recipient="mail.example.com", project=other.pk)
    assert "<h2>Built-in mail server</h2>" in page
    assert "no route fits" in page


def test_page_says_that_captured_mail_goes_nowhere(staff, settings):
    settings.MAIL_TRANSPORT = "capture"
    page = asked(staff, recipient="a.example", project=make_project().pk)
    assert "<h2>Captured: nothing leaves this machine</h2>" in page


@pytest.mark.parametrize("recipient", ["", "a b", ".example.com", "ann@"])
def test_question_that_makes_no_sense_is_told_so(staff, recipient):
    page = asked(staff, recipient=recipient, project=make_project().pk)
    assert "This field is required." in page or "is no address and no domain." in page


@pytest.mark.parametrize("page", ["", "add/", "which-way/"])
def test_stranger_sees_nothing(client, page):
    assert client.get(LIST + page).status_code == 302
    assert staff_client("emails.view_email").get(LIST + page).status_code == 403


def test_who_may_only_view_can_ask_and_change_nothing():
    viewer = staff_client("delivery.view_route")
    assert viewer.get(LIST).status_code == 200
    assert viewer.get(f"{LIST}which-way/").status_code == 200
    assert viewer.post(f"{LIST}add/", {"way": "mx", "position": 1}).status_code == 403
