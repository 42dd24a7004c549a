"""No JSON document makes a POST of emails fail: it is accepted whole, or refused by a 4xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_client
from emails.api.serializers import CancelRequest, EmailRequest
from emails.tests.factories import request_body

pytestmark = pytest.mark.django_db

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["ann@example.org", "2030-01-01T00:00:00Z", "msg_1", "a\r\nb", "\0", "\ud800"]),
    st.sampled_from([2**63, -(2**63) - 1, 10**299, 1e308]),
)
names = st.text(max_size=5) | st.sampled_from(["email", "name", "url", "filename", "content"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
named = st.sampled_from([*EmailRequest().fields, *CancelRequest().fields])
documents = st.dictionaries(named | names, values, max_size=6)
near_misses = st.dictionaries(named, values, max_size=2).map(lambda wrong: request_body() | wrong)

without_limits = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def client():
    return make_client()


@without_limits
@given(document=near_misses | documents | values)
@pytest.mark.parametrize("path", ["/api/emails", "/api/emails/cancel"])
def test_no_document_makes_it_fail(client, path, document):
    answer = client.generic("POST", path, json.dumps(document), content_type="application/json")
    assert answer.status_code in (202, 400, 404, 422), (document, answer.content)
    if answer.status_code != 202:
        error = answer.json()["error"]
        assert error["message"]
        assert all(isinstance(name, str) and said for name, said in error["fields"].items())


@without_limits
@given(html=st.text() | st.text(st.sampled_from('<>/="!-[]& aplstye\n')), subject=st.text())
def test_no_text_makes_it_fail(client, html, subject):
    body = json.dumps(request_body(html_body=html, subject=subject))
    answer = client.generic("POST", "/api/emails", body, content_type="application/json")
    assert answer.status_code in (202, 400), (html, subject, answer.content)


@without_limits
@given(several=st.lists(near_misses | documents | values, min_size=1, max_size=3))
def test_batch_judges_each_document_as_a_single_send_does(client, several):
    answer = post(client, "/api/emails/batch", several)
    assert answer.status_code in (202, 400), (several, answer.content)
    alone = [post(client, "/api/emails", document) for document in several]
    if answer.status_code == 400:  # something in it can't be held
        assert 400 in {single.status_code for single in alone}
        return
    for item, single in zip(answer.json()["data"], alone, strict=True):
        assert ("error" in item) == (single.status_code != 202)
        assert "message_id" in item or item == single.json()


def post(client, path, document):
    return client.generic("POST", path, json.dumps(document), content_type="application/json")
