"""POST /api/emails: values of every kind in every field are accepted whole or refused by name."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from accounts.tests.factories import make_client
from emails.models import Email, Recipient
from emails.tests.factories import request_body
from uploads.tests.conftest import use

pytestmark = pytest.mark.django_db

LONG_DOMAIN = ".".join(["d" * 60] * 3 + ["e" * 50])
LONGEST = f"{'a' * 10}@{LONG_DOMAIN}"
ABSURD = [
    None,
    True,
    1,
    -1,
    1.5,
    10**299,
    "",
    "\u00a0",
    [],
    [None],
    [[]],
    {},
    {"": {}},
    "👋" * 5000,
]
TEXT = ["to_name", "subject", "html_body", "from_name", "text_body"]


def send(**values):
    return make_client().post("/api/emails", request_body(**values), format="json")


def wrong_fields(answer):
    assert answer.status_code == 400, answer.content
    return list(answer.json()["error"]["fields"])


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize(
    "field",
    [
        *("to_email", "to_name", "from_email", "subject", "html_body", "text_body", "template_id"),
        *("scheduled_at", "from_name", "reply_to", "cc", "bcc", "variables", "attachments"),
        *("headers", "tags", "metadata", "track_opens", "track_clicks", "expires_in"),
    ],
)
def test_absurd_value_is_refused_by_name_or_accepted(field, value):
    answer = send(**{field: value})
    if answer.status_code != 202:
        assert {name.partition(".")[0] for name in wrong_fields(answer)} == {field}
        assert Email.objects.count() == 0


@pytest.mark.parametrize("field", TEXT)
@pytest.mark.parametrize("value", [5, 1.5, True, [], {}, ["x"]])
def test_no_number_is_taken_for_text(field, value):
    assert wrong_fields(send(**{field: value})) == [field]


@pytest.mark.parametrize("field", ["to_name", "from_name", "subject"])
@pytest.mark.parametrize("char", ["\r\n", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_end_at_the_edge_is_refused_and_not_stripped(field, char):
    assert wrong_fields(send(**{field: f"Hello{char}"})) == [field]
    assert wrong_fields(send(**{field: f"{char}Hello"})) == [field]


def test_text_is_kept_as_it_was_written():
    answer = send(subject=" Hello ", to_name="\tAnn ", text_body="\n x \n", html_body=" <p> ")
    assert answer.status_code == 202
    email = Email.objects.get()
    assert (email.subject, email.to[0]["name"]) == (" Hello ", "\tAnn ")
    assert (email.text_body, email.html_body) == ("\n x \n", " <p> ")


@pytest.mark.parametrize(
    ("field", "longest"),
    [("to_name", 255), ("from_name", 255), ("subject", 998)],
)
def test_longest_text_is_accepted_and_one_more_refused(field, longest):
    for character in ("a", "é", "👋"):
        assert send(**{field: character * longest}).status_code == 202
        assert wrong_fields(send(**{field: character * (longest + 1)})) == [field]


def test_longest_addresses_fit_their_columns():
    answer = send(to_email=LONGEST, from_email=LONGEST, cc=[f"{'x' * 255} <b{LONGEST}>"])
    assert answer.status_code == 202, answer.content
    email = Email.objects.get()
    assert email.rfc_message_id == f"<{email.public_id}@{LONG_DOMAIN}>"
    assert {row.domain for row in email.recipients.all()} == {LONG_DOMAIN}


@pytest.mark.parametrize(
    ("written", "address", "domain"),
    [
        ("ann@EXAMPLE.Org", "ann@example.org", "example.org"),
        ("ann@MÜNCHEN.example", "ann@münchen.example", "xn--mnchen-3ya.example"),
        ("ann@xn--mnchen-3ya.example", "ann@münchen.example", "xn--mnchen-3ya.example"),
        ("jörg@example.org", "jörg@example.org", "example.org"),
        ("o'hara+tag/x=y@example.org", "o'hara+tag/x=y@example.org", "example.org"),
        ("用户@例子.example", "用户@例子.example", "xn--fsqu00a.example"),
    ],
)
def test_address_is_kept_as_people_write_it(written, address, domain):
    assert send(to_email=written).status_code == 202
    row = Recipient.objects.get()
    assert (row.address, row.domain) == (address, domain)


@pytest.mark.parametrize("field", ["to_email", "from_email"])
@pytest.mark.parametrize(
    "written",
    [
        "Ann <ann@example.org>",
        '"ann lee"@example.org',
        "ann@example.org.",
        "ann@[192.0.2.1]",
        "ann@192.0.2.1",
        "ann@exa_mple.org",
        " ann@example.org",
        "ann@example.org\r\nRCPT TO:<eve@example.org>",
        "ann@example.org> SIZE=1 <",
        "ann",
    ],
)
def test_address_that_has_no_one_meaning_is_refused(field, written):
    assert wrong_fields(send(**{field: written})) == [field]


def test_case_of_the_domain_makes_no_second_copy_but_that_of_the_local_part_does():
    """Only its host may interpret a local part (RFC 5321 §2.4)."""
    send(cc=["ann@EXAMPLE.org"], bcc=["Ann@example.org", "Ann@Example.Org"])
    assert [row.address for row in Recipient.objects.all()] == [
        "ann@example.org",
        "Ann@example.org",
    ]


@pytest.mark.parametrize("field", ["cc", "bcc", "reply_to"])
def test_endless_list_of_addresses_is_refused_at_once(field):
    assert wrong_fields(send(**{field: ["x@example.org"] * 10_001})) == [field]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("reply_to", ["x@example.org"] * 21),
        ("tags", ["x"] * 51),
        ("attachments", [{"filename": "a.txt", "content": "aGk="}] * 101),
        ("headers", {f"X-{n}": "x" for n in range(101)}),
        ("headers", {f"X-{n}": "x y " * 500 + "." for n in range(9)}),
        ("headers", {"References": "<a@b>", "references": "<c@d>"}),
    ],
    ids=["reply_to", "tags", "attachments", "many headers", "long headers", "twice"],
)
def test_what_no_message_could_carry_is_refused_at_acceptance(field, values):
    assert wrong_fields(send(**{field: values})) == [field]


def test_tag_of_most_characters_is_accepted():
    assert send(tags=["é" * 100] * 50).status_code == 202
    assert wrong_fields(send(tags=["é" * 101])) == ["tags.0"]
    assert wrong_fields(send(tags=[" "])) == ["tags.0"]


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63 - 1, 2**63, 2**64, 10**299, "1.5", "x"])
def test_template_of_any_number_is_not_there(number):
    assert wrong_fields(send(template_id=number)) == ["template_id"]


@pytest.mark.parametrize("number", [0, -1, 2_592_001, 2**63, 10**299, 0.5, "x"])
def test_life_beyond_its_bounds_is_refused(number):
    assert wrong_fields(send(expires_in=number)) == ["expires_in"]


@pytest.mark.parametrize("number", [1, 2_592_000, "60"])
def test_life_within_its_bounds_is_accepted(number):
    assert send(expires_in=number, scheduled_at=ahead(days=3650)).status_code == 202


def ahead(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00-23:59",
        "1970-01-01T00:00:00Z",
        "2020-02-29 23:59:59.999999+05:45",
        "2020-01-01T00:00:00+01:02:03",
        "20200101T000000Z",
    ],
)
def test_every_moment_of_the_past_sends_at_once(moment):
    answer = send(scheduled_at=moment)
    assert (answer.status_code, answer.json().get("status")) == (202, "queued")
    assert Email.objects.get().scheduled_at is None


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "2027-06-30T23:59:60Z",
        "2027-02-29T00:00:00Z",
        "2027-01-01T25:00:00Z",
        "2027-01-01T00:00:00+24:00",
        "2027-01-01T00:00:00 Europe/Berlin",
        "2027-01-01T00:00:00é",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "now",
        "Z",
    ],
)
def test_moment_that_is_none_or_too_far_is_refused(moment):
    assert wrong_fields(send(scheduled_at=moment)) == ["scheduled_at"]


@pytest.mark.parametrize("moment", ["2027-01-31", "2027-01-31T09:00"])
def test_example_for_a_missing_offset_would_be_taken(moment):
    [sentence] = send(scheduled_at=moment).json()["error"]["fields"]["scheduled_at"]
    example = sentence.partition("Write ")[2].partition(",")[0]
    assert send(scheduled_at=example).status_code == 202


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("filename", "a.txt\r\n"),
        ("filename", " a.txt"),
        ("filename", "é" * 128),
        ("filename", "a\u202etxt.exe"),
        ("content_type", "image/png\r\nX: y"),
        ("content_type", "a/" + "b" * 126),
        ("content_type", "multipart/mixed"),
        ("content_id", "a b"),
        ("content_id", "a>\r\nX: y"),
        ("content_id", "x" * 201),
        ("content", "é"),
        ("content", "aGk"),
        ("content", 1234),
        ("content", ""),
    ],
)
def test_fault_of_an_attachment_is_named_by_its_place(field, value):
    attachment = {"filename": "a.txt", "content": "aGk="} | {field: value}
    assert wrong_fields(send(attachments=[attachment])) == [f"attachments.0.{field}"]


def test_longest_file_name_and_type_fit_their_columns():
    attachment = {
        "filename": "é" * 125 + ".txt",
        "content": base64.b64encode(b"hi").decode(),
        "content_type": "a/" + "b" * 125,
        "content_id": "x" * 200,
    }
    assert send(attachments=[attachment]).status_code == 202


@pytest.mark.parametrize("field", ["variables", "metadata"])
def test_object_of_any_names_and_values_is_kept(field):
    value = {"": "", "é👋": [1, 0.5, -1e22, 10**299, None, True], "x" * 10_000: "y" * 100_000}
    assert send(**{field: value}).status_code == 202
    assert getattr(Email.objects.get(), field) == value


@pytest.mark.parametrize("word", ["SELECT", "{{ 7|add:7 }}", "{% debug %}", "%s", "\\", "'; --"])
def test_text_is_data_and_nothing_else(word):
    assert send(subject=word, to_name=word, html_body=word, tags=[word]).status_code == 202
    assert Email.objects.get().subject == word


def test_attachment_that_cannot_be_stored_is_no_fault_of_the_caller(settings):
    use(settings, "uploads.local.LocalStorage", location="/dev/null/nowhere")
    answer = send(attachments=[{"filename": "a.txt", "content": "aGk="}])
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert Email.objects.count() == 0
