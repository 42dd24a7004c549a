"""Templates with their CSS inlined once, where every mail of theirs would get the same bytes."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from .computed_styles import MARK, marked_tree
from .inlining import Inlining, inline_css, may_be_inlined, selector_steps, work_out
from .nesting import Nesting, Room, nesting
from .selectors import looks_of
from .splicing import spliced
from .templating import (
    LIMITS,
    CompiledPart,
    Filled,
    Json,
    Limits,
    RenderFailed,
    TemplateInvalid,
    compile_part,
)
from .templating.outline import Outline, Span, outline, same_tags

STYLED_KEPT = 256

_ENDS_AFTER_DASHES = re.compile("-?!?>")  # a comment, if the text before ends in one or two


def fill_inlined(
    source: str,
    variables: Mapping[str, Json],
    *,
    trusted: Mapping[str, str],
    limits: Limits = LIMITS,
) -> Filled:
    """Exactly `inline_css` of what the template renders, most often without its cost.

    Raises RenderFailed.
    """
    styled = styled_template(source)
    if styled and not (styled.shows_body and any(trusted.values())):
        # A failure may be one of our making: styles make the result longer.
        with suppress(RenderFailed):
            filled = styled.part.fill(variables, trusted=trusted, limits=limits)
            if styled.holds_for(filled.text):
                return filled
    part = compile_part(source, html=True)
    filled = part.fill(variables, trusted=trusted, limits=limits)
    return replace(filled, text=inline_css(filled.text))


@dataclass(frozen=True, slots=True)
class StyledTemplate:
    """A part whose tags have their styles; `shows_body`: only without a trusted body."""

    part: CompiledPart
    steps: int  # of the selectors of its CSS
    shows_body: bool

    def holds_for(self, html: str) -> bool:
        """Whether rendering and then inlining had given this mail too, and not left it alone."""
        try:
            html.encode()
        except UnicodeEncodeError:
            return False
        return may_be_inlined(html, self.steps)


@lru_cache(maxsize=STYLED_KEPT)
def styled_template(source: str) -> StyledTemplate | None:
    """The template inlined, None where what its tags print might decide who gets which style.

    Proven here is, for everything that its tags may print: the mail is well nested, its elements
    are those of the template, any number of times each, with the same ancestors and, in so far as
    selectors look at them, the same attributes and neighbours. docs/adr/0013 says why that is
    enough.
    """
    found = outline(source)
    nested = nesting(found.markup) if found else None
    if not found or not nested:
        return None
    inlining = work_out(found.markup)
    if not inlining or not inlining.computed.styles:
        return None
    if not (_is_read_alike(nested, found.markup) and _is_foreseeable(found, nested, inlining)):
        return None
    styled = spliced(found.source, inlining.edits())
    css = "".join(found.source[sheet.end : sheet.close] for sheet in inlining.sheets)
    with suppress(TemplateInvalid):
        if same_tags(found.source, styled):
            part = compile_part(styled, html=True)
            return StyledTemplate(part, selector_steps(css), found.shows_body)
    return None


def _is_read_alike(nested: Nesting, markup: str) -> bool:
    """Whether libxml2 sees the same elements within each other: it closes some by itself."""
    seen: dict[str, str | None] = {}
    for element in marked_tree(markup, nested.tags).iter("*"):
        if mark := element.get(MARK):
            parent = element.getparent()
            seen[mark] = None if parent is None else parent.get(MARK)
    return seen == {
        str(number): None if parent is None else str(parent)
        for number, parent in enumerate(nested.parents)
    }


def _is_foreseeable(found: Outline, nested: Nesting, inlining: Inlining) -> bool:
    rooms = [nested.room(*span) for span in found.tags]
    looks = looks_of(inlining.computed.selectors)
    if looks is None or not all(
        room and _is_harmless(room, span, found.markup, nested, looks.attributes)
        for room, span in zip(rooms, found.tags, strict=True)
    ):
        return False
    if not all(_has_whole_elements(nested, body) for body in found.bodies):
        return False
    sometimes = _within(found.bodies, [tag.start for tag in nested.tags])
    if sometimes and looks.at_neighbours:
        return False
    sheets = {number for number, tag in enumerate(nested.tags) if tag.name == "style"}
    always_styled = inlining.computed.styles.keys() - sometimes
    return bool(always_styled) and sheets.isdisjoint(sometimes)


def _is_harmless(
    room: Room, span: Span, markup: str, nested: Nesting, looked_at: frozenset[str]
) -> bool:
    """Whether text instead of the template's tag leaves all elements and their styles as are."""
    if room.tag is not None and nested.tags[room.tag].name == "style":
        return False
    if room.place[0] == "comment":
        return not _ENDS_AFTER_DASHES.match(markup, span[1])
    # Own styles are put behind those of rules, whatever they are.
    return room.attribute is None or room.attribute == "style" or room.attribute not in looked_at


def _has_whole_elements(nested: Nesting, body: Span) -> bool:
    before, after = nested.room(body[0] - 1, body[0]), nested.room(body[1], body[1] + 1)
    return before is not None and after is not None and before.place == after.place


def _within(bodies: Iterable[Span], starts: Iterable[int]) -> set[int]:
    """The numbers of the tags, given in order by where they start, that are in a body."""
    inside, waiting, end = set(), sorted(bodies, reverse=True), 0
    for number, at in enumerate(starts):
        while waiting and waiting[-1][0] <= at:
            end = max(end, waiting.pop()[1])
        if at < end:
            inside.add(number)
    return inside
