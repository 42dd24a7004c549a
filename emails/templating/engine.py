"""A Django template engine of its own: no loaders, listed tags and filters, metered nodes."""

from typing import Any, ClassVar, NoReturn

from django.template import Engine, Node, NodeList, Template, TemplateSyntaxError
from django.template.base import Lexer, Parser, TextNode, Token, TokenType, VariableNode
from django.utils.html import conditional_escape

from . import filters, tags
from .errors import TemplateInvalid
from .expressions import Expression
from .values import RenderContext, as_text

DEEPEST = 50  # blocks within blocks
LONGEST_SOURCE = 500_000
OPENINGS = ("{{", "{%")


class Metered(Node):
    """A node that looks at the limits before it renders, and at what it wrote after."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.is_leaf = not any(hasattr(node, name) for name in node.child_nodelists)

    def render(self, context: RenderContext) -> str:  # type: ignore[override]
        context.meter.tick()
        written: str = self.node.render_annotated(context)  # type: ignore[assignment]
        if self.is_leaf:
            context.meter.wrote(len(written))
        return written


class PrintNode(VariableNode):
    """`{{ … }}`, for values that have a text."""

    def render(self, context: RenderContext) -> str:  # type: ignore[override]
        text = as_text(self.filter_expression.resolve(context))
        return conditional_escape(text) if context.autoescape else text


class TemplateParser(Parser):
    """Django's, with its expressions and nodes replaced, and errors that say what is allowed."""

    def __init__(self, source: str) -> None:
        super().__init__(Lexer(source).tokenize())
        self.add_library(tags.library)
        self.add_library(filters.library)
        self.current = Token(TokenType.TEXT, "", lineno=1)

    def next_token(self) -> Token:
        self.current = super().next_token()
        return self.current

    def parse(self, parse_until: Any = None) -> NodeList:
        if len(self.command_stack) > DEEPEST:
            raise self.error(self.current, f"blocks are nested deeper than {DEEPEST}")
        return super().parse(parse_until)

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        if isinstance(node, TextNode):
            if self._is_verbatim:  # Django renders it right here, before there is a meter
                return super().extend_nodelist(nodelist, node, token)
            self._refuse_unfinished(token)
        if isinstance(node, VariableNode):
            node = PrintNode(node.filter_expression)
        return super().extend_nodelist(nodelist, Metered(node), token)

    @property
    def _is_verbatim(self) -> bool:
        return bool(self.command_stack) and self.command_stack[-1][0] == "verbatim"

    def compile_filter(self, token: str) -> Expression:
        try:
            return Expression(token, self)
        except TemplateSyntaxError as error:
            # Django blames `{% if %}` for its `{% elif %}`.
            if self.current.contents.startswith("elif"):
                raise self.error(self.current, error) from None
            raise

    def find_filter(self, filter_name: str) -> Any:
        if filter_name in self.filters:
            return self.filters[filter_name]
        allowed = ", ".join(sorted(self.filters))
        raise TemplateSyntaxError(f"unknown filter '{filter_name}'. Allowed: {allowed}")

    def invalid_block_tag(self, token: Token, command: str, parse_until: Any = None) -> NoReturn:
        allowed = ", ".join([*(parse_until or ()), *sorted(self.tags)])
        raise self.error(token, f"unknown tag '{command}'. Allowed: {allowed}")

    def unclosed_block_tag(self, parse_until: Any) -> NoReturn:
        command, token = self.command_stack.pop()
        expected = " or ".join(f"{{% {tag} %}}" for tag in parse_until)
        raise self.error(token, f"'{command}' is never closed. Expected: {expected}")

    def _refuse_unfinished(self, token: Token) -> None:
        """Django prints a tag that was not finished on its line; a reader should not get that."""
        for opening in OPENINGS:
            before, found, _ = token.contents.partition(opening)
            if found:
                token.lineno = (token.lineno or 1) + before.count("\n")
                raise self.error(token, f"'{opening}' is not closed on its line")


class LimitedTemplate(Template):
    """A template compiled by our parser."""

    def compile_nodelist(self) -> NodeList:
        return TemplateParser(self.source).parse()


class BareEngine(Engine):
    """Django's engine without anything: no builtins, loaders, processors or settings."""

    default_builtins: ClassVar[list[str]] = []


ENGINE = BareEngine(loaders=[])


def compile_source(source: str) -> LimitedTemplate:
    """Raises TemplateInvalid."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateInvalid(f"longer than {LONGEST_SOURCE:,} characters")
    try:
        return LimitedTemplate(source, engine=ENGINE)
    except RecursionError as error:
        raise TemplateInvalid("an expression is nested too deeply") from error
    except (TemplateSyntaxError, ValueError, ArithmeticError, IndexError, StopIteration) as error:
        token = getattr(error, "token", None)
        raise TemplateInvalid(str(error), token and token.lineno) from error
