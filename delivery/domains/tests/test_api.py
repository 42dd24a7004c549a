"""The routes about sending domains."""

import pytest

from accounts.models import DkimKey, SendingDomain
from accounts.tests.factories import make_client, make_domain, make_project
from delivery.domains.tests.zones import publish

pytestmark = pytest.mark.django_db


def added(client, name="shop.example"):
    return client.post("/api/domains", {"name": name}, format="json")


def test_new_domain_is_answered_with_its_records(dns):
    answer = added(make_client())
    assert answer.status_code == 201
    said = answer.json()
    assert (said["name"], said["verified"], said["checked_at"]) == ("shop.example", False, None)
    assert [key["state"] for key in said["keys"]] == ["pending", "pending"]
    assert {key["algorithm"] for key in said["keys"]} == {"rsa", "ed25519"}
    assert [record["purpose"] for record in said["records"]] == [
        *("dkim", "dkim", "return_path", "return_path_spf", "spf", "dmarc")
    ]
    assert {record["state"] for record in said["records"]} == {"unknown"}
    assert all(record["name"].endswith("shop.example") for record in said["records"])


def test_what_the_api_shows_verifies_the_domain_once_it_is_published(dns):
    client = make_client()
    said = added(client).json()
    for record in said["records"]:
        publish(dns.zone, [type("Shown", (), record)])
    checked = client.post("/api/domains/shop.example/check").json()
    assert checked["verified"] is True
    assert {record["state"] for record in checked["records"]} == {"right"}
    assert {key["state"] for key in checked["keys"]} == {"signing"}
    assert client.get("/api/domains/shop.example/").json() == checked
    [listed] = client.get("/api/domains").json()["data"]
    assert listed == {name: checked[name] for name in listed}


def test_private_keys_appear_nowhere(dns):
    client = make_client()
    answers = [added(client), client.get("/api/domains/shop.example"), client.get("/api/domains")]
    secrets = [key.private_key for key in DkimKey.objects.all()]
    assert len(secrets) == 2
    assert not [s for s in secrets for answer in answers if s in answer.content.decode()]
    assert "PRIVATE" not in str([answer.content for answer in answers])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Shop.Example", "shop.example"),
        (" shop.example. ", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a.b.c.shop.co.uk", "a.b.c.shop.co.uk"),
    ],
)
def test_names_are_kept_in_lower_case_as_a_labels(written, kept):
    client = make_client()
    assert added(client, written).json()["name"] == kept
    assert client.get(f"/api/domains/{written.strip()}").status_code == 200


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("com", "Nobody can send from com"),
        ("localhost", "Nobody can send"),
        ("mail.localhost", "Nobody can send"),
        ("1.0.0.127.in-addr.arpa", "Nobody can send"),
        ("192.0.2.1", "IP address"),
        ("[192.0.2.1]", "no domain"),
        ("2001:db8::1", "domain alone"),
        ("ann@shop.example", "domain alone"),
        ("https://shop.example/", "domain alone"),
        ("shop .example", "no domain"),
        ("_dmarc.shop.example", "no domain"),
        ("-shop.example", "no domain"),
        ("shop..example", "no domain"),
        ("a" * 64 + ".example", "no domain"),
        (".".join(["abcdefghi"] * 23), "no domain"),
        ("shop.example\r\nx", "no domain"),
        ("☃☃️.example\u202e", "no domain"),
        ("", "blank"),
        (None, "null"),
        (["shop.example"], "valid string"),
    ],
)
def test_what_is_no_domain_is_refused_with_a_sentence(name, says):
    answer = added(make_client(), name)
    assert answer.status_code == 400
    assert says in str(answer.json()["error"]["fields"]["name"])
    assert not SendingDomain.objects.exists()


def test_unknown_fields_are_refused():
    answer = make_client().post("/api/domains", {"name": "a.example", "x": 1}, format="json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["x"])


def test_domain_that_is_there_is_refused_and_keeps_its_keys():
    client = make_client()
    first = added(client).json()
    again = added(client, "SHOP.example")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "domain_exists")
    assert client.get("/api/domains/shop.example").json()["keys"] == first["keys"]


def test_rotation_shows_new_keys_beside_the_old(dns):
    client = make_client()
    for record in added(client).json()["records"]:
        publish(dns.zone, [type("Shown", (), record)])
    client.post("/api/domains/shop.example/check")
    rotated = client.post("/api/domains/shop.example/rotate").json()
    assert sorted(key["state"] for key in rotated["keys"]) == ["pending"] * 2 + ["signing"] * 2
    dkim = [record["state"] for record in rotated["records"] if record["purpose"] == "dkim"]
    assert sorted(dkim) == ["right", "right", "unknown", "unknown"]
    assert client.post("/api/domains/shop.example/rotate").json()["keys"] == rotated["keys"]


def test_haste_is_refused_with_the_seconds_to_wait(dns):
    client = make_client()
    added(client)
    assert client.post("/api/domains/shop.example/check").status_code == 200
    refused = client.post("/api/domains/shop.example/check")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused["Retry-After"]) <= 10


def test_removed_domain_is_gone_with_its_keys():
    client = make_client()
    added(client)
    assert client.delete("/api/domains/shop.example").status_code == 204
    assert client.get("/api/domains/shop.example").status_code == 404
    assert not DkimKey.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/domains/{}"),
        ("delete", "/api/domains/{}"),
        ("post", "/api/domains/{}/check"),
        ("post", "/api/domains/{}/rotate"),
    ],
)
@pytest.mark.parametrize("name", ["held.example", "nobody.example", "com", "%0a", "x" * 300])
def test_stranger_gets_404(method, path, name):
    make_domain(make_project(), "held.example")
    answer = getattr(make_client(), method)(path.format(name))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert SendingDomain.objects.filter(name="held.example").exists()


def test_stranger_sees_no_domain_in_the_list():
    make_domain(make_project(), "held.example")
    assert make_client().get("/api/domains").json() == {"data": []}


def test_key_is_asked_for(client):
    assert client.get("/api/domains").status_code == 401
