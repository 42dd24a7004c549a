"""Which element gets which style: worked out by premailer, on a marked copy, offline."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cssutils
from cssselect import SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector
from premailer import Premailer
from premailer.merge_style import csstext_to_pairs

from .splicing import Edit, spliced
from .start_tags import StartTag
from .stylesheets import with_legacy_colors

MARK = "data-inlining-mark"

Rule = tuple[tuple[int, ...], str, str]  # specificity, selector, declarations


@dataclass(frozen=True, slots=True)
class Computed:
    """The style by the number of the tag, and the selectors of all rules, matched or not."""

    styles: dict[int, str]
    selectors: frozenset[str]


def computed_styles(html: str, tags: Sequence[StartTag]) -> Computed:
    """For tags that rules apply to and that libxml2 sees too. Raises what premailer raises."""
    root = marked_tree(html, tags)
    for element in root.iter("*"):
        if "style" in element.attrib:
            del element.attrib["style"]  # kept byte for byte where it is
    premailer = _OfflinePremailer()
    with _one_at_a_time:
        premailer.transform(root)
    styled = (element for element in root.iter("*") if element.get("style"))
    styles = {element.get(MARK, ""): _merged(element.get("style", "")) for element in styled}
    return Computed(
        {number: styles[str(number)] for number in range(len(tags)) if str(number) in styles},
        frozenset(premailer.selectors),
    )


def marked_tree(html: str, tags: Sequence[StartTag]) -> Any:
    """What libxml2 makes of the document; MARK of an element is the number of its tag."""
    parser = etree.HTMLParser(encoding="utf-8")
    return etree.fromstring(spliced(html, _mark_edits(tags)).encode(), parser)


def _mark_edits(tags: Sequence[StartTag]) -> Iterator[Edit]:
    for number, tag in enumerate(tags):
        yield tag.name_end, tag.name_end, f' {MARK}="{number}"'


_one_at_a_time = threading.Lock()  # cssutils keeps its state in globals


class _OfflinePremailer(Premailer):  # type: ignore[misc]  # untyped
    """premailer that fetches nothing, and skips a selector that it does not know.

    It merges rules by property, at the place where the property came first: `padding: 0;
    padding-left: 5px` under a later `padding: 9px` stays 5 px on the left. So the properties of
    each rule get names of their own, which `_merged` takes off again.
    """

    def __init__(self) -> None:
        super().__init__(
            allow_network=False,
            keep_style_tags=True,
            disable_leftover_css=True,
            disable_validation=True,  # or `mso-…` is dropped
            align_floating_images=False,
        )
        self.selectors: set[str] = set()

    def read_rules(self, css: str, sheet: int) -> list[Rule]:
        """What premailer makes of a style sheet, with numbered properties."""
        rules, _ = super()._parse_style_rules(with_legacy_colors(css), sheet)
        return [
            (specificity, selector, _numbered(declarations, f"{sheet}-{number}"))
            for number, (specificity, selector, declarations) in enumerate(rules)
            if _is_selector(selector)
        ]

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Rule], list[Any]]:
        rules = _rules(css_body or "", ruleset_index)
        self.selectors.update(selector for _, selector, _ in rules)
        return [*rules], []

    def _parse_css_string(self, css_body: str, validate: bool = True) -> Any:
        parser = cssutils.CSSParser(
            fetcher=lambda url: None,  # `@import`, from wherever
            validate=False,
            loglevel=logging.CRITICAL,
        )
        return parser.parseString(css_body)

    def _style_to_basic_html_attributes(self, *args: Any, **options: Any) -> None:
        """No `width="100%"` in place of the `width="600"` that was written for Outlook."""


@lru_cache(maxsize=256)
def _rules(css: str, sheet: int) -> tuple[Rule, ...]:
    """Kept, because the mails of a template share their CSS, and reading it costs most."""
    return tuple(_OfflinePremailer().read_rules(css, sheet))


def _is_selector(selector: str) -> bool:
    try:
        CSSSelector(selector)
    except SelectorError:
        return False
    return True


def _numbered(declarations: str, number: str) -> str:
    pairs = csstext_to_pairs(declarations, validate=False)
    return ";".join(f"-{MARK}-{number}-{name}:{value}" for name, value in pairs)


def _merged(numbered: str) -> str:
    """The declarations in the order of the cascade, each property once, where it came last."""
    declarations: dict[str, str] = {}
    for declaration in re.split(rf"(?:^|; )-{MARK}-\d+-\d+-", numbered)[1:]:
        name, _, value = declaration.partition(":")
        declarations.pop(name, None)
        declarations[name] = value
    return "; ".join(f"{name}:{value}" for name, value in declarations.items())
