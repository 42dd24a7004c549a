"""The text part of a mail that came with HTML alone."""

import re
from collections.abc import Iterable

import html2text
from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u034f\u200b\u200c\u200d\u2060\ufeff"))
_ESCAPED = re.compile(r"^([ \t]*\d*)\\([-.+])", re.MULTILINE)  # Markdown's, at the start of a line
_SEEN_BY_NOBODY = "head, script, style, title, template"
_LAYOUT_ROLES = frozenset({"presentation", "none"})


def text_from_html(html: str) -> str:
    """What a reader sees of the HTML, with each link's address behind its text: `Pay <https://…>`.

    Lines are not wrapped, so that no address is broken. Hidden elements (a preheader), comments
    and style sheets are left out; pictures are their `alt`; cells of a row stand on one line. An
    empty or unreadable document gives "".
    """
    try:
        parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        page = lxml_html.document_fromstring(html.encode(errors="replace"), parser)
    except etree.ParserError:
        return ""
    _drop_hidden(page)
    _write_out_links(page)
    _separate_cells(page)
    _flatten_headings(page)
    return _tidy(_converter().handle(lxml_html.tostring(page, encoding="unicode")))


def _converter() -> html2text.HTML2Text:
    converter = html2text.HTML2Text(bodywidth=0)
    converter.unicode_snob = True  # é stays é
    converter.ignore_emphasis = True
    converter.ignore_tables = True
    converter.images_to_alt = True
    converter.ul_item_mark = "-"
    return converter


def _drop_hidden(page: HtmlElement) -> None:
    hidden = [
        element
        for element in page.iter("*")
        if "hidden" in element.attrib or _HIDDEN_STYLE.search(element.get("style", ""))
    ]
    for element in [*hidden, *page.cssselect(_SEEN_BY_NOBODY)]:
        if element.getparent() is not None:
            element.drop_tree()


def _write_out_links(page: HtmlElement) -> None:
    """RFC 3986, appendix C: angle brackets say where an address ends."""
    for link in page.cssselect("a[href]"):
        address = link.get("href", "").strip()
        text = " ".join(_shown(link).split())
        if address and not address.startswith("#") and text not in _same_as(address):
            _append(link, f" <{address}>" if text else f"<{address}>")
        # Not drop_tag: it joins the texts around every link, in the square of their number.
        link.tag = "span"
        link.attrib.clear()


def _same_as(address: str) -> Iterable[str]:
    scheme, _, rest = address.partition(":")
    return {address, rest} if scheme.lower() in {"mailto", "tel"} else {address}


def _shown(link: HtmlElement) -> str:
    alternatives = (image.get("alt", "") for image in link.iter("img"))
    return "".join([link.text_content(), *alternatives])


def _append(element: HtmlElement, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _separate_cells(page: HtmlElement) -> None:
    for cell in [cell for cell in page.iter("td", "th") if _follows_a_cell(cell)]:
        table = next(cell.iterancestors("table"), None)
        is_layout = table is not None and table.get("role") in _LAYOUT_ROLES
        cell.text = (" " if is_layout else " | ") + (cell.text or "")


def _follows_a_cell(cell: HtmlElement) -> bool:
    before = cell.getprevious()
    return before is not None and before.tag in ("td", "th")


def _flatten_headings(page: HtmlElement) -> None:
    """`# Welcome` is how Markdown is written, not how mail is."""
    for heading in page.cssselect("h1, h2, h3, h4, h5, h6"):
        heading.tag = "p"


def _tidy(text: str) -> str:
    text = _ESCAPED.sub(r"\1\2", text).translate(_INVISIBLE).replace("\u00a0", " ")
    lines = (" ".join(line.split()) if line.strip() else "" for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n" if text.strip() else ""
