"""What a parser (html5lib) sees in HTML, to hold the scanner against."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import html5lib

from tracking.targets import is_safe_target

XHTML = "{http://www.w3.org/1999/xhtml}"
MSO = re.compile(r"\[if\b[^\]>]*(?:mso|vml)[^\]>]*\]>(.*)<!\[endif\]\s*", re.DOTALL | re.IGNORECASE)

Node = tuple[Any, ...]


def nodes(html: str) -> list[Node]:
    """Flatten the tree of `html`: every element, attribute and text, in order."""
    return list(_walk(_parse(html), in_comment=False))


def _parse(html: str) -> Any:
    # The full tree has the comments around <html> too.
    tree_builder = html5lib.getTreeBuilder("etree", fullTree=True)
    return html5lib.HTMLParser(tree_builder).parse(html)


def _walk(element: Any, *, in_comment: bool) -> Iterator[Node]:
    if isinstance(element.tag, str):
        yield (element.tag, dict(element.attrib), element.text, element.tail, in_comment)
        for child in element:
            yield from _walk(child, in_comment=in_comment)
        return
    conditional = None if in_comment else MSO.fullmatch(element.text)
    if conditional is None:
        yield ("comment", {}, element.text, element.tail, in_comment)
    else:
        yield ("conditional", {}, None, element.tail, in_comment)
        yield from _walk(_parse(conditional[1]), in_comment=True)


def href(node: Node) -> str | None:
    """Return the target of a link that is to be tracked, None for every other node."""
    tag, attributes, _, _, in_comment = node
    is_link = tag in {XHTML + "a", XHTML + "area"} or (in_comment and tag.startswith(XHTML + "v:"))
    if not is_link or "data-no-track" in attributes:
        return None
    value = attributes.get("href", "").strip("".join(map(chr, range(0x21))))
    target = re.sub(r"[\t\n\r]", "", value)
    return target if is_safe_target(target) and "*|" not in target else None


def tracked(html: str, click_url: Callable[[str], str]) -> list[Node]:
    """Return the nodes of `html` as they should be after rewriting."""
    return [_tracked(node, click_url) for node in nodes(html)]


def _tracked(node: Node, click_url: Callable[[str], str]) -> Node:
    target = href(node)
    if target is None:
        return node
    return (node[0], node[1] | {"href": click_url(target)}, *node[2:])
