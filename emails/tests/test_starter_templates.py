"""The templates that we ship do what we ask of everybody's."""

import json
from pathlib import Path

import pytest
from lxml import html as lxml_html

from emails.inlining import inline_css
from emails.plaintext import text_from_html
from emails.templating import compile_part, missing_variables

STARTERS = Path(__file__).parents[2] / "templates" / "starters"
NAMES = ["password_reset", "receipt", "welcome"]
GMAIL_CLIPS_AT = 95_000


def part(name, file):
    return compile_part((STARTERS / name / file).read_text(), html=file.endswith(".html"))


def sample(name):
    return json.loads((STARTERS / name / "sample.json").read_text())


def mail(name):
    return inline_css(part(name, "body.html").render(sample(name)))


def test_every_starter_is_tested():
    assert sorted(path.name for path in STARTERS.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sample_supplies_every_variable(name):
    parts = [part(name, file) for file in ("subject.txt", "body.html", "body.txt")]
    assert missing_variables(parts, sample(name)) == []
    given = sample(name)
    for required in set().union(*(each.required_variables() for each in parts)):
        assert required.split(".")[0] in given


@pytest.mark.parametrize("name", NAMES)
def test_only_what_the_message_is_about_is_required(name):
    required = set().union(
        *(
            part(name, file).required_variables()
            for file in ("subject.txt", "body.html", "body.txt")
        )
    )
    order = {"items", "order.date", "order.number", "order.total"} if name == "receipt" else set()
    assert required == {"action_url", "product_name"} | order


@pytest.mark.parametrize("name", NAMES)
def test_subject_is_one_line_without_escapes(name):
    source = (STARTERS / name / "subject.txt").read_text().strip()
    subject = compile_part(source, html=False).render({**sample(name), "product_name": "A & B"})
    assert "A & B" in subject
    assert len(subject.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_accessible_and_shows_its_main_link(name):
    page = lxml_html.document_fromstring(mail(name))
    assert page.get("lang") == "en"
    assert page.findtext(".//title")
    assert len(page.cssselect("h1")) == 1
    assert all("alt" in image.attrib for image in page.iter("img"))
    assert all(
        table.get("role") == "presentation" or table.cssselect("th[scope]")
        for table in page.iter("table")
    )
    assert sample(name)["action_url"] in {link.get("href") for link in page.iter("a")}


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_inlined_responsive_and_small(name):
    html = mail(name)
    page = lxml_html.document_fromstring(html)
    button = page.cssselect("a.button")[0]
    assert "color:#fff" in button.get("style")
    assert "@media (max-width: 480px)" in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert html.count("<!--[if mso]>") == 3
    assert len(html.encode()) < GMAIL_CLIPS_AT


@pytest.mark.parametrize("name", NAMES)
def test_text_of_the_html_has_the_link_and_no_preheader(name):
    text = text_from_html(mail(name))
    assert sample(name)["action_url"] in text
    assert "<td" not in text
    preheader = lxml_html.document_fromstring(mail(name)).cssselect("div[style*='display:none']")[0]
    assert preheader.text.partition("\u034f")[0] not in text
