"""CSS for mail clients that ignore `<style>`: rules copied into `style` attributes, offline.

premailer works out which rule applies to which element; only its styles are taken over, and every
other byte of the mail stays as it was: links, entities, doctype, conditional comments, fragments.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cssselect import SelectorError
from lxml import etree

from .computed_styles import Computed, computed_styles
from .splicing import Edit, spliced
from .start_tags import StartTag, start_tags
from .stylesheets import with_priority

logger = logging.getLogger(__name__)

LONGEST_CSS = 64_000  # characters; Gmail drops a style block of more than 16,384
LONGEST_HTML = 2_000_000
LEFT_ALONE = "CSS of a mail was not inlined: %s"
MOST_MATCHES = 600_000  # steps of selectors times elements: premailer may try each with each
_STEP = re.compile(r"[^\s,>+~]+")
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


@dataclass(frozen=True, slots=True)
class Inlining:
    """What inlining would do to a document: its start tags, and what they get."""

    html: str
    tags: Sequence[StartTag]
    sheets: Sequence[StartTag]
    computed: Computed

    def edits(self) -> list[Edit]:
        """In their order. None at all where no rule applies to anything."""
        styles = self.computed.styles
        if not styles:
            return []
        return sorted(
            [*_sheet_edits(self.html, self.sheets), *_style_edits(self.html, self.tags, styles)]
        )


def inline_css(html: str) -> str:
    """The mail with the rules of its `<style>` elements copied into `style` attributes.

    The elements stay, for what cannot be inlined: `@media`, `:hover`, `@font-face`. A `style`
    that an element has already wins, as in a browser. Mail without `<style>` comes back as it is.
    CSS that is broken or too large is left alone, with a warning: never a reason to lose a mail.
    """
    inlining = work_out(html)
    return spliced(html, inlining.edits()) if inlining else html


def work_out(html: str) -> Inlining | None:
    """What `inline_css` does with that mail, None where it does nothing."""
    if not re.search(r"<style[\s>/]", html, re.IGNORECASE):
        return None
    if len(html) > LONGEST_HTML:
        logger.warning(LEFT_ALONE, "the mail is too long")
        return None
    tags = list(start_tags(html))
    sheets = [tag for tag in tags if tag.name == "style"]
    css = "".join(html[sheet.end : sheet.close] for sheet in sheets)
    if not css.strip():
        return None
    if len(css) > LONGEST_CSS or selector_steps(css) * len(tags) > MOST_MATCHES:
        logger.warning(LEFT_ALONE, "there is too much CSS")
        return None
    try:
        return Inlining(html, tags, sheets, computed_styles(html, tags))
    except ODD_MARKUP as error:
        logger.warning(LEFT_ALONE, type(error).__name__)
        return None


def may_be_inlined(html: str, steps: int) -> bool:
    """Whether mail with so many `selector_steps` is within the limits, judged quickly."""
    return len(html) <= LONGEST_HTML and steps * html.count("<") <= MOST_MATCHES


def selector_steps(css: str) -> int:
    """How many names of elements its selectors look for: `p, td b {}` has three.

    Each rule may have thousands of selectors, each of them a hundred steps. Counted, and not
    understood: what is large here takes minutes there.
    """
    first, *others = css.split("/*")
    uncommented = first + "".join(other.partition("*/")[2] for other in others)
    *before_braces, _ = uncommented.split("{")
    return sum(len(_STEP.findall(part.rpartition("}")[2])) for part in before_braces)


def _sheet_edits(html: str, sheets: Sequence[StartTag]) -> Iterator[Edit]:
    for sheet in sheets:
        media = sheet.attribute(html, "media")
        medium = html[slice(*media)].strip("\"' ").lower() if media else "all"
        css = html[sheet.end : sheet.close]
        conditional = medium not in {"", "all", "screen"}
        yield sheet.end, sheet.close, with_priority(css, conditional=conditional)


def _style_edits(html: str, tags: Sequence[StartTag], styles: dict[int, str]) -> Iterator[Edit]:
    for number, style in styles.items():
        tag = tags[number]
        written = tag.attribute(html, "style")
        if written is None:
            yield tag.name_end, tag.name_end, f' style="{_quoted(style)}"'
        else:
            yield from _edits_before_own(html, *written, _quoted(style))


def _edits_before_own(html: str, start: int, end: int, style: str) -> Iterator[Edit]:
    """Into quotes around what is written, which may be a template's tags, so is not touched."""
    quote = html[start] in "\"'"
    yield start, start + quote, f'"{style}; '
    for found in re.finditer('"', html[start + quote : end - quote]):
        yield start + quote + found.start(), start + quote + found.end(), "&quot;"
    yield end - quote, end, '"'


def _quoted(style: str) -> str:
    """For an attribute in double quotes; some clients cannot read `&quot;` in a style."""
    if "'" not in style:
        style = style.replace('"', "'")
    return style.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
