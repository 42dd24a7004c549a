"""The documents speak of what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATH = re.compile(r"`([a-z_]+(?:/[a-z0-9_.<>-]+)+)`")


def paths_in(document):
    return sorted(set(PATH.findall((ROOT / document).read_text())))


@pytest.mark.parametrize(
    "path",
    [*paths_in("docs/flow.md"), *paths_in("docs/operating.md"), *paths_in("CONTRIBUTING.md")],
)
def test_file_that_a_document_names_exists(path):
    if "<" not in path:
        assert (ROOT / path).exists()


def test_flow_names_files_and_stays_short():
    assert len(paths_in("docs/flow.md")) > 25
    assert len((ROOT / "docs/flow.md").read_text().splitlines()) < 90


def links_between_documents():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    for source in documents:
        written = re.sub(r"`[^`]*`", "", source.read_text())
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", written):
            yield source, target


def test_links_between_documents_lead_somewhere():
    links = list(links_between_documents())
    assert len({source for source, _ in links}) > 5
    assert [link for link in links if not (link[0].parent / link[1]).exists()] == []


def settings_read():
    source = (ROOT / "mailer/settings.py").read_text()
    return set(re.findall(r'environment\.\w+\(\s*"([A-Z0-9_]+)"', source))


def test_every_setting_is_in_the_readme_and_no_other():
    table = (ROOT / "README.md").read_text().split("## Settings")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)} == settings_read()
