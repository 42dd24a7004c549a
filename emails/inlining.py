"""CSS for mail clients that ignore `<style>`: rules copied into `style` attributes, offline.

premailer works out which rule applies to which element; only its styles are taken over, and every
other byte of the mail stays as it was: links, entities, doctype, conditional comments, fragments.
"""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import cssutils
from cssselect import SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector
from premailer import Premailer
from premailer.merge_style import csstext_to_pairs

from .start_tags import StartTag, start_tags
from .stylesheets import with_legacy_colors, with_priority

logger = logging.getLogger(__name__)

LONGEST_CSS = 64_000  # characters; Gmail drops a style block of more than 16,384
LONGEST_HTML = 2_000_000
MOST_MATCHES = 300_000  # rules times elements: premailer may try each with each
MARK = "data-inlining-mark"
ODD_MARKUP = (
    etree.LxmlError,
    AssertionError,  # premailer's and cssutils' way to say that a document is odd
    AttributeError,
    LookupError,
    RecursionError,
    SelectorError,
    TypeError,
    ValueError,
)

Rule = tuple[tuple[int, ...], str, str]  # specificity, selector, declarations
Edit = tuple[int, int, str]  # html[start:end] becomes the text


def inline_css(html: str) -> str:
    """The mail with the rules of its `<style>` elements copied into `style` attributes.

    The elements stay, for what cannot be inlined: `@media`, `:hover`, `@font-face`. A `style`
    that an element has already wins, as in a browser. Mail without `<style>` comes back as it is.
    CSS that is broken or too large is left alone, with a warning: never a reason to lose a mail.
    """
    if not re.search(r"<style[\s>/]", html, re.IGNORECASE):
        return html
    if len(html) > LONGEST_HTML:
        return _left_alone(html, "the mail is too long")
    tags = list(start_tags(html))
    sheets = [tag for tag in tags if tag.name == "style"]
    css = "".join(html[sheet.end : sheet.close] for sheet in sheets)
    if len(css) > LONGEST_CSS or css.count("{") * len(tags) > MOST_MATCHES:
        return _left_alone(html, "there is too much CSS")
    try:
        styles = _computed_styles(html, tags) if css.strip() else {}
    except ODD_MARKUP as error:
        return _left_alone(html, type(error).__name__)
    edits = [*_sheet_edits(html, sheets), *_style_edits(html, tags, styles)]
    return _edited(html, sorted(edits)) if styles else html


def _left_alone(html: str, reason: str) -> str:
    logger.warning("CSS of a mail was not inlined: %s", reason)
    return html


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

    def read_rules(self, css: str, sheet: int) -> list[Rule]:
        """What premailer makes of a style sheet, with numbered properties."""
        rules, _ = super()._parse_style_rules(with_legacy_colors(css), sheet)
        return [
            (specificity, selector, _numbered(declarations, f"{sheet}-{number}"))
            for number, (specificity, selector, declarations) in enumerate(rules)
            if _is_selector(selector)
        ]

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Rule], list[Any]]:
        return [*_rules(css_body or "", ruleset_index)], []

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


_one_at_a_time = threading.Lock()  # cssutils keeps its state in globals


def _computed_styles(html: str, tags: Sequence[StartTag]) -> dict[str, str]:
    """The style by the mark of its tag, for tags that rules apply to and that libxml2 sees too."""
    parser = etree.HTMLParser(encoding="utf-8")
    root = etree.fromstring(_edited(html, list(_mark_edits(tags))).encode(), parser)
    for element in root.iter("*"):
        if "style" in element.attrib:
            del element.attrib["style"]  # kept byte for byte where it is
    with _one_at_a_time:
        _OfflinePremailer().transform(root)
    styled = (element for element in root.iter("*") if element.get("style"))
    return {element.get(MARK, ""): _merged(element.get("style", "")) for element in styled}


def _mark_edits(tags: Sequence[StartTag]) -> Iterator[Edit]:
    for number, tag in enumerate(tags):
        yield tag.name_end, tag.name_end, f' {MARK}="{number}"'


def _sheet_edits(html: str, sheets: Sequence[StartTag]) -> Iterator[Edit]:
    for sheet in sheets:
        media = sheet.attribute(html, "media")
        medium = html[slice(*media)].strip("\"' ").lower() if media else "all"
        css = html[sheet.end : sheet.close]
        conditional = medium not in {"", "all", "screen"}
        yield sheet.end, sheet.close, with_priority(css, conditional=conditional)


def _style_edits(html: str, tags: Sequence[StartTag], styles: dict[str, str]) -> Iterator[Edit]:
    for number, tag in enumerate(tags):
        style = styles.get(str(number))
        written = tag.attribute(html, "style")
        if style is None:
            continue
        if written is None:
            yield tag.name_end, tag.name_end, f' style="{_quoted(style)}"'
        else:
            own = html[slice(*written)]
            own = own[1:-1].replace('"', "&quot;") if own[0] in "\"'" else own
            yield *written, f'"{_quoted(style)}; {own}"'


def _quoted(style: str) -> str:
    """For an attribute in double quotes; some clients cannot read `&quot;` in a style."""
    if "'" not in style:
        style = style.replace('"', "'")
    return style.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _edited(html: str, edits: Sequence[Edit]) -> str:
    pieces, done = [], 0
    for start, end, text in edits:
        pieces += [html[done:start], text]
        done = end
    return "".join([*pieces, html[done:]])
