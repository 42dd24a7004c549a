"""What an author may write, and what is refused with the line where it stands."""

import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.templating import RenderFailed, TemplateInvalid, compile_part

HOSTILE_SOURCES = [
    ("{% include '/etc/passwd' %}", "include"),
    ("{% extends 'admin/base.html' %}", "extends"),
    ("{% block a %}{% endblock %}", "block"),
    ("{% load static %}", "load"),
    ("{% debug %}", "debug"),
    ("{% lorem 9999999 w %}", "lorem"),
    ("{% url 'admin:index' %}", "url"),
    ("{% csrf_token %}", "csrf_token"),
    ("{% static 'x' %}", "static"),
    ("{% trans 'x' %}", "trans"),
    ("{% autoescape off %}{% endautoescape %}", "autoescape"),
    ("{% filter upper %}{% endfilter %}", "filter"),
    ("{% regroup a by b as c %}", "regroup"),
    ("{% widthratio 1 2 999999999 %}", "widthratio"),
    ("{% templatetag openblock %}", "templatetag"),
    ("{{ x|safe }}", "safe"),
    ("{{ x|safeseq }}", "safeseq"),
    ("{{ x|center:999999999 }}", "center"),
    ("{{ x|ljust:999999999 }}", "ljust"),
    ("{{ x|rjust:999999999 }}", "rjust"),
    ('{{ x|stringformat:"0999999999d" }}', "stringformat"),
    ("{{ x|pprint }}", "pprint"),
    ("{{ x|json_script }}", "json_script"),
    ("{{ x|unordered_list }}", "unordered_list"),
    ("{{ x|make_list }}", "make_list"),
    ("{{ x|dictsort:'a' }}", "dictsort"),
    ("{{ x|random }}", "random"),
]


def html(source, variables=None, **options):
    return compile_part(source, html=True).render(variables or {}, **options)


def text(source, variables=None):
    return compile_part(source, html=False).render(variables or {})


@pytest.mark.parametrize(("source", "name"), HOSTILE_SOURCES)
def test_tags_and_filters_beyond_the_list_are_refused_by_name_and_line(source, name):
    with pytest.raises(TemplateInvalid, match=rf"^line 3: unknown (tag|filter) '{name}'") as error:
        compile_part(f"Hello\n\n{source}", html=True)
    assert error.value.line == 3
    assert "Allowed: " in str(error.value)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("{{ x.__class__ }}", 1, "underscore"),
        ("\n{{ _private }}", 2, "underscore"),
        ("\n{% if a %}\nHi", 2, "never closed"),
        ("{% if a %}\n{% elif a|nope %}{% endif %}", 2, "nope"),
        ("{% if a %}{% endfor %}", 1, "endif"),
        ("a\n{{ name", 2, "not closed"),
        ("a\nb {% if\nname %}", 2, "not closed"),
        ("{{ }}", 1, "Empty"),
        ("{% %}", 1, "Empty"),
        ("{{ _('Hello') }}", 1, "not available"),
        ("{{ x|default:_('Hello') }}", 1, "not available"),
        ("{{ x|upper:1 }}", 1, "argument"),
        ("{{ x y }}", 1, "Could not parse"),
        ("{% for x in %}{% endfor %}", 1, "four words"),
        ("{% comment %}", 1, "never closed"),
        ("{% if not %}{% endif %}", 1, "Unexpected end"),
        ("{% cycle nothing %}", 1, "No named cycles"),
        ("{% if a %}" * 100 + "{% endif %}" * 100, 1, "nested deeper than 50"),
        ("{% if " + "not " * 5000 + "a %}{% endif %}", None, "too deeply"),
        ("a" * 500_001, None, "500,000"),
    ],
)
def test_source_that_does_not_compile_names_its_line(source, line, words):
    with pytest.raises(TemplateInvalid, match=words) as error:
        compile_part(source, html=True)
    assert error.value.line == line


def test_html_escapes_what_it_prints_and_text_does_not():
    assert html("{{ name }}", {"name": "<b>&'"}) == "&lt;b&gt;&amp;&#x27;"
    assert text("{{ name }}", {"name": "<b>&'"}) == "<b>&'"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x|add:'' }}",
        "{{ '<b>'|add:x }}",
        "{{ x|upper|lower }}",
        "{{ nothing|default:x }}",
        "{{ x|truncatechars:99 }}",
        "{{ x|linebreaks }}",
        "{{ x|linebreaksbr }}",
        "{{ x|title|lower }}",
        "{{ xs|join:', ' }}",
        "{{ xs|first }}",
        "{{ xs|last }}",
        "{{ 'a'|yesno:x }}",
        "{{ xs|pluralize:x }}",
        "{{ x|floatformat:x }}",
        "{% firstof nothing x %}",
        "{% firstof nothing x as y %}{{ y }}",
        "{% cycle x x %}",
        "{% with y=x %}{{ y }}{% endwith %}",
        "{% for y in xs %}{{ y }}{% endfor %}",
        "{% ifchanged %}{{ x }}{% endifchanged %}",
        "{% spaceless %}{{ x }}{% endspaceless %}",
    ],
)
def test_no_tag_or_filter_brings_a_variable_out_unescaped(source):
    script = "<script>alert(1)</script>"
    try:
        assert "<script" not in html(source, {"x": script, "xs": [script]})
    except RenderFailed:
        assert "floatformat" in source


def test_trusted_body_is_inserted_as_it_is():
    layout = "<main>{{ body }}</main>"
    assert html(layout, trusted={"body": "<p>Hi</p>"}) == "<main><p>Hi</p></main>"
    assert html(layout, {"body": "<p>Hi</p>"}) == "<main>&lt;p&gt;Hi&lt;/p&gt;</main>"


def test_result_carries_no_mark_that_would_make_it_trusted_elsewhere():
    assert type(html("<b>{{ x }}</b>", {"x": "y"})) is str
    assert type(html("<b>")) is str


@pytest.mark.parametrize(
    "name",
    [
        "settings.SECRET_KEY",
        "request.META",
        "os.environ",
        "csrf_token",
        "x.upper",
        "x.encode",
        "x.0",
        "xs.append",
        "xs.pop",
        "xs.clear",
        "xs.sort",
        "xs.-1",
        "order.pop",
        "order.clear",
        "order.popitem",
        "order.copy",
        "number.real",
        "number.bit_length",
        "forloop.parentloop",
        "template.engine",
        "meter",
        "dicts",
    ],
)
def test_names_reach_keys_and_indexes_and_nothing_else(name, monkeypatch):
    monkeypatch.setattr(os, "environ", {"SECRET": "leaked"})
    variables = {"x": "text", "xs": ["one"], "order": {"id": "two"}, "number": 3}
    try:
        rendered = text("[{{ " + name + " }}]", variables)
    except TemplateInvalid:
        rendered = "[]"
    assert rendered == "[]"
    assert variables == {"x": "text", "xs": ["one"], "order": {"id": "two"}, "number": 3}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for k, v in o.items %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"),
        ("{% for k, v in o %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"),
        ("{% for k, v in o.items reversed %}{{ k }}={{ v }};{% endfor %}", "b=2;a=1;"),
        ("{% for k in o %}{{ k }};{% endfor %}", "a;b;"),
    ],
)
def test_loop_over_an_object_gives_its_keys_or_pairs(source, expected):
    assert text(source, {"o": {"a": 1, "b": 2}}) == expected


def test_key_named_items_is_not_the_pairs_of_the_object():
    assert text("{% for x in o.items %}{{ x }};{% endfor %}", {"o": {"items": [7]}}) == "7;"
    assert text("{% for a, b in o.items %}{{ a }};{% endfor %}", {"o": {"items": [[7, 8]]}}) == "7;"


@pytest.mark.parametrize(
    "source", ["{{ v }}", "{% firstof v %}", "{% cycle v v %}", "{{ v|upper }}"]
)
@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_lists_and_objects_are_not_printed_as_python_writes_them(source, value):
    with pytest.raises(RenderFailed, match="cannot be printed"):
        text(source, {"v": value})


@pytest.mark.parametrize(
    ("source", "variables", "expected"),
    [
        ("{{ n }}", {"n": None}, ""),
        ("{{ n }}", {"n": 1234567}, "1234567"),
        ("{{ n }}", {"n": 19.99}, "19.99"),
        ("{{ xs.1 }}", {"xs": ["a", "b"]}, "b"),
        ("{{ a.b.c }}", {"a": {"b": {"c": "d"}}}, "d"),
        ("{{ n|floatformat:'2g' }}", {"n": 1234567.5}, "1,234,567.50"),
        ("{{ n|floatformat }}", {"n": "3.0"}, "3"),
        ("{{ n|add:1 }}", {"n": 41}, "42"),
        ("{{ n|add:'!' }}", {"n": "Hi"}, "Hi!"),
        ("{{ '#'|add:n }}", {"n": 5}, "#5"),
        ("{{ a|add:b|length }}", {"a": [1], "b": [2]}, "2"),
        ("{{ d|date }}", {"d": "2026-03-01"}, "March 1, 2026"),
        ("{{ d|date:'Y-m-d H:i' }}", {"d": "2026-03-01T23:30:00-08:00"}, "2026-03-01 23:30"),
        ("{{ d|date:'D H:i' }}", {"d": "2026-03-01T23:30:00Z"}, "Sun 23:30"),
        ("{{ d|time:'H:i' }}", {"d": "2026-03-01T23:30:00Z"}, "23:30"),
        ("{{ d|time:'H:i' }}", {"d": "07:05"}, "07:05"),
        ("{{ d|date }}{{ d|time }}", {"d": None}, ""),
        ("{{ xs|join:', ' }}", {"xs": ["a", 2, None]}, "a, 2, "),
        ("{{ xs|first }}{{ xs|last }}", {"xs": ["a", "b"]}, "ab"),
        ("{{ xs|first }}{{ xs|last }}", {"xs": []}, ""),
        ("item{{ n|pluralize }}", {"n": 2}, "items"),
        ("{{ b|yesno:'on,off' }}", {"b": False}, "off"),
        ("{{ q|urlencode:'' }}", {"q": "a b/ü"}, "a%20b%2F%C3%BC"),
        ("{{ s|striptags }}", {"s": "<p>a <b>b</b></p>"}, "a b"),
        ("{{ s|truncatewords:2 }}", {"s": "a b c"}, "a b …"),
        ("{% if n|divisibleby:2 %}even{% endif %}", {"n": 4}, "even"),
        ("{% verbatim %}{{ x }}{% if %}{% endverbatim %}", {}, "{{ x }}{% if %}"),
        ("{% comment %}{% include 'x' %}{% endcomment %}", {}, ""),
        ("{# {% debug %} #}", {}, ""),
        ("{% for x in xs reversed %}{{ forloop.counter }}{{ x }}{% endfor %}", {"xs": "ab"}, None),
        (
            "{% for x in xs reversed %}{{ forloop.counter }}{{ x }}{% endfor %}",
            {"xs": [1, 2]},
            "1221",
        ),
        ("{% for x in xs %}{% empty %}none{% endfor %}", {"xs": []}, "none"),
        ("{% for x in xs %}{% cycle 'a' 'b' %}{% endfor %}", {"xs": [1, 2, 3]}, "aba"),
        ("{% cycle 'a' 'b' as c %}{% cycle c %}", {}, "ab"),
        ("{% firstof a b 'c' %}", {"a": 0, "b": ""}, "c"),
        ("<style>@media print{#a{x:y}}</style>", {}, "<style>@media print{#a{x:y}}</style>"),
    ],
)
def test_language_does_what_its_documentation_says(source, variables, expected):
    if expected is None:
        with pytest.raises(RenderFailed, match="not a list"):
            text(source, variables)
    else:
        assert text(source, variables) == expected


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ 'soon'|date }}", "'soon' is not an ISO 8601 date"),
        ("{{ '25:99'|time }}", "not an ISO 8601"),
        ("{{ '07:00'|time:'Y' }}", "has no such part"),
        ("{{ 'a'|divisibleby:2 }}", "divisibleby"),
        ("{{ 4|divisibleby:0 }}", "divisibleby"),
        ("{{ 3|first }}", "Only a list"),
        ("{% for a, b in xs %}{% endfor %}", "unpack"),
    ],
)
def test_values_that_do_not_fit_fail_with_a_sentence(source, words):
    with pytest.raises(RenderFailed, match=words):
        text(source, {"xs": [[1, 2, 3]]})


def test_compiled_parts_are_kept_by_source_and_kind():
    assert compile_part("{{ a }}", html=True) is compile_part("{{ a }}", html=True)
    assert compile_part("{{ a }}", html=True) is not compile_part("{{ a }}", html=False)


@given(st.text(alphabet="{%}#|:.'\" abif_()\n0é\\", max_size=60))
def test_any_source_compiles_and_renders_or_says_why(source):
    with suppress(TemplateInvalid, RenderFailed):  # and nothing else
        part = compile_part(source, html=True)
        part.required_variables()
        part.render({"a": "x", "b": [1]})
