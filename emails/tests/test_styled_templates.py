"""Inlining a template once gives the bytes of rendering first and inlining each mail."""

import json
from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from emails import styled_templates
from emails.inlining import inline_css
from emails.selectors import looks_of
from emails.styled_templates import fill_inlined, styled_template
from emails.templating import RenderFailed, TemplateInvalid, compile_part

STARTERS = Path(__file__).parents[2] / "templates" / "starters"
CORPUS = Path(__file__).parent / "templates"
ITEMS = [{"name": "Tea & cake", "url": "https://x.example/?a=1&b=2", "price": 2.5}]
VARIABLES = [
    {"name": "Ann", "items": ITEMS * 3, "url": "https://x.example/?a=1&b=2", "color": "#123456"},
    {"name": '<b>"Ann\'s"</b> --', "items": [], "url": "", "note": "-->", "color": "red;x:'y'"},
    {"name": "", "items": ITEMS, "urgent": True, "note": "</style><p>", "seller": {"name": "é"}},
]


def render_then_inline(source, variables, trusted=None):
    return inline_css(compile_part(source, html=True).render(variables, trusted=trusted))


def render_inlined(source, variables, trusted=None):
    return fill_inlined(source, variables, trusted=trusted or {}).text


def corpus():
    starters = [(path, [_sample(path)]) for path in sorted(STARTERS.glob("*/body.html"))]
    return starters + [(path, VARIABLES) for path in sorted(CORPUS.glob("*.html"))]


def _sample(path):
    return json.loads((path.parent / "sample.json").read_text())


@pytest.mark.parametrize(
    ("path", "samples"), corpus(), ids=lambda value: value.stem if hasattr(value, "stem") else ""
)
def test_mail_of_every_template_is_as_if_inlined_by_itself_and_without_that_cost(
    path, samples, monkeypatch
):
    source = path.read_text()
    expected = [render_then_inline(source, variables) for variables in [*samples, {}]]
    assert styled_template(source) is not None
    monkeypatch.setattr(styled_templates, "inline_css", None)
    assert [render_inlined(source, variables) for variables in [*samples, {}]] == expected
    assert all('style="' in html.rpartition("</style>")[2] for html in expected)


def page(css, body):
    return f"<html><head><style>{css}</style></head><body><i></i>{body}</body></html>"


CSS = "i { a: b } .c { color: red } p { margin: 0 }"
FORESEEN = [
    '<p class="c">{{ name }}</p>',
    '<p title="{{ name }}" class="c">x</p>',
    "<p title='{% if name %}a{% else %}b{% endif %}'>x</p>",
    '<p style="color: {{ color }}">x</p>',
    "<p style='color: {{ color }}; x: \"y\"'>x</p>",
    '<p style="">{{ name }}</p>',
    "{% if name %}<p>x</p>{% elif note %}<p>y</p>{% else %}z{% endif %}",
    "{% for item in items %}<p>{% cycle 'a' 'b' %}{{ item.name }}</p>{% empty %}<br>{% endfor %}",
    "{% with n=name %}<p>{{ n|upper|default:'x' }}</p>{% endwith %}",
    "<p>{% firstof note name %}{% now 'Y' %}</p>",
    '<!--[if mso]><a href="{{ url }}"><![endif]--><p>x</p>',
    "<!-- {{ name }} --><p>x</p>",
    "<!--{{ name }}--><p>x</p>-->",
    "<p>{{ body }}</p>",
    "<textarea>{{ name }}</textarea>{# <p> #}<p>x</p>",
    "<![if !mso]><p>{{ name }}</p><![endif]>",
]
DOUBTFUL = [
    '<p class="{{ name }}">x</p>',
    '<p class="{% if name %}c{% endif %}">x</p>',
    '<p {% if name %}class="c"{% endif %}>x</p>',
    "<p title={{ name }}>x</p>",
    "<{{ name }}>x</p>",
    "<p {{ name }}>x</p>",
    "<p>x</{{ name }}>",
    '<p class="c">{{ note|default:"<p>" }}</p>',
    "{% firstof note '<p>' %}",
    "{% cycle '<p>' '<i>' %}",
    "{% with n='<p>' %}{{ n }}{% endwith %}",
    "{% for item in items %}{{ item.name|default:'<p>' }}{% endfor %}",
    "{{ name|linebreaks }}",
    "{{ items|join:'<p>' }}",
    "{% now '\\<\\p\\>' %}",
    "{% spaceless %}<p>x</p> <p>y</p>{% endspaceless %}",
    "{% ifchanged %}<p>x</p>{% endifchanged %}",
    "{% verbatim %}<p>{{ x }}</p>{% endverbatim %}",
    "{% if name %}<p>{% endif %}x</p>",
    "{% if name %}<div>{% else %}<p>{% endif %}x{% if name %}</div>{% else %}</p>{% endif %}",
    "{% if name %}</p>{% endif %}",
    "<p>{% if name %}<div>x</div>{% endif %}<i>y</i></p>",
    "<p>x<p>{{ name }}",
    "<li>{{ name }}<li>x",
    "<p>{{ name }}</i></p>",
    "<p/>{{ name }}",
    "<style>p { color: {{ color }} }</style>",
    "<style media='{{ name }}'>p { x: y }</style>",
    "{% if name %}<style>p { x: y }</style>{% endif %}",
    "<!-- {{ name }}> <p>x</p> -->",
    "<!-- -{{ name }}-> <p>x</p> -->",
    "<!-- {{ name }}!> <p>x</p> -->",
    "<!-- {% if name %}--><p>x</p><!--{% endif %} -->",
    "<title></ti{{ name }}<p>x</p></title>",
    "<title>{% if name %}</title>{% endif %}<p>x</p>",
    "<a href='{{ url }}>x</a><p title='>y</p>",
    '<p title="{% if name %}" class="c{% endif %}">x</p>',
    "<p>1 < {{ name }}</p>",
    "{{# x #}% now 'Y' %}<p>x</p>",
    '&#{{ name }}<p a=b"c">x</p>',
    "<style>p { content: '{#' }\n</style>\n<p title='#}'>{{ name }}</p>",
]


@pytest.mark.parametrize("body", FORESEEN)
def test_template_is_inlined_once_where_its_tags_print_text_alone(body):
    assert_same(page(CSS, body))
    assert styled_template(page(CSS, body)) is not None


@pytest.mark.parametrize("body", DOUBTFUL)
def test_template_whose_tags_may_decide_about_styles_is_inlined_mail_by_mail(body):
    assert_same(page(CSS, body))
    assert styled_template(page(CSS, body)) is None


@pytest.mark.parametrize(
    ("css", "body", "is_foreseen"),
    [
        ("p + p { a: b }", "<p>x</p>{% if name %}<b>x</b>{% endif %}<p>{{ name }}</p>", False),
        ("p ~ p { a: b }", "<p>x</p>{% if name %}<p>x</p>{% endif %}<p>{{ name }}</p>", False),
        ("p:first-child { a: b }", "<div>{% if name %}<p>x</p>{% endif %}<p>x</p></div>", False),
        ("p:last-child { a: b }", "<div>{% for i in items %}<p>x</p>{% endfor %}</div>", False),
        ("p + p { a: b }", "<p>x</p>{% if name %}x{% endif %}<p>{{ name }}</p>", True),
        ("p:empty { a: b }", "<p>{{ name }}</p>", True),  # premailer leaves it to `<style>`
        ("div p { a: b }", "<div>{% if name %}<p>x</p>{% endif %}</div><p>{{ name }}</p>", True),
        ("div > p { a: b }", "<div>{% for i in items %}<p>x</p>{% endfor %}</div>", True),
        ("[title] { a: b }", '<p title="{{ name }}">x</p>', False),
        ("[TITLE=x] { a: b }", '<p title="{{ name }}">x</p>', False),
        ("a[title=x] { a: b }", '<p href="{{ name }}">x</p>', True),
        ("#x { a: b }", '<p id="{{ name }}">x</p>', False),
        (".x { a: b }", '<p id="{{ name }}" class="x">x</p>', True),
        ("[style] { a: b }", '<p style="{{ name }}">x</p>', True),
    ],
)
def test_only_selectors_that_look_at_what_varies_are_in_the_way(css, body, is_foreseen):
    source = page("i { x: y } " + css, body)
    assert_same(source)
    assert (styled_template(source) is not None) == is_foreseen


@pytest.mark.parametrize("selector", ["p:empty", "p:not(.a)", "p::before", "p:nth-child(2) b"])
def test_selector_that_may_look_at_anything_is_not_understood(selector):
    assert looks_of(["p", selector]) is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ name }}<style>p b { a: b } i { a: b }</style><b>x</b><i></i>",
        "{{ name }}" + page(CSS, "<p>x</p>"),
        page(CSS, "<p>x</p>").replace("<body>", "{{ name }}<body>"),
        page(CSS, "<p>x</p>") + "{{ name }}",
        "<style>p { a: b }</style>{% if name %}<p>x</p>{% endif %}",
        "<style>p { a: b }</style><i>{% if name %}<p>x</p>{% endif %}</i>",
        "<style>{{ name }}</style><p>x</p>",
        "<style></style><p>{{ name }}</p>",
        "<p>{{ name }}</p>",
        "",
    ],
)
def test_what_stands_outside_of_the_elements_may_open_others(source):
    assert_same(source)
    assert styled_template(source) is None


def assert_same(source):
    for variables in [*VARIABLES, {"note": "x"}, {"name": "p", "items": ["<p>", "é"]}]:
        try:
            expected = render_then_inline(source, variables)
        except RenderFailed:
            with pytest.raises(RenderFailed):
                render_inlined(source, variables)
        else:
            assert render_inlined(source, variables) == expected


def test_fragment_is_inlined_once_too():
    source = "<style>p { a: b }</style><p>{{ name }}</p>{# note #}<p><i>{{ name }}"
    assert styled_template(source)
    assert_same(source)


def test_body_in_a_layout_gets_the_styles_of_the_layout():
    source = page(CSS, "<div>{{ body }}</div>")
    html = render_inlined(source, {}, trusted={"body": '<p class="c">Hi</p>'})
    assert '<p style="margin:0; color:red" class="c">Hi</p>' in html
    assert html == render_then_inline(source, {}, {"body": '<p class="c">Hi</p>'})


@pytest.mark.parametrize(
    "variables",
    [
        {"name": "\ud800"},
        {"name": "\0"},
        {"name": "a\x0b\x1c\x85\u2028\ufffe\x7f"},
        {"name": "x" * 2_000_000},
        {"items": ["x"] * 10_000},
        {"items": "no list"},
    ],
    ids=range(6),
)
def test_mail_that_would_be_left_alone_is_left_alone(variables):
    source = page(
        CSS + "b { c: d }" * 40, "<p>{{ name }}</p>{% for item in items %}<p>x</p>{% endfor %}"
    )
    assert styled_template(source)
    for given_variables in (variables, {"name": "", "items": [], **variables}):
        try:
            expected = render_then_inline(source, given_variables)
        except RenderFailed as error:
            with pytest.raises(RenderFailed, match=str(error)[:20]):
                render_inlined(source, given_variables)
        else:
            assert render_inlined(source, given_variables) == expected


def test_mail_that_only_its_styles_make_too_long_is_sent(monkeypatch):
    style = "x" * 1000
    source = page(f"p {{ a: {style} }} i {{ b: c }}", "{% for i in items %}<p>x</p>{% endfor %}")
    assert styled_template(source)
    variables = {"items": [1] * 2_500}
    assert render_inlined(source, variables) == render_then_inline(source, variables)


def test_large_template_is_worked_out_in_time():
    body = "{% if a %}{% for b in c %}<p>{{ d }}</p>{% endfor %}{% endif %}" * 5_000
    assert styled_template(page("p { a: b } i { c: d }", body))  # minutes, if not linear


SELECTORS = [
    "p",
    ".a",
    ".b",
    "#a",
    "p",
    "td",
    "div p",
    "div>p",
    "body span",
    "html > body p",
    "a[href]",
]
SELECTORS += [
    "p+p",
    "p ~ b",
    "b:first-child",
    "p:last-child",
    "[title]",
    "[title=a]",
    "*",
    "p:hover",
]
RULES = st.lists(
    st.builds(
        "{}{{{}}}".format, st.sampled_from(SELECTORS), st.sampled_from(["x:y", "x:z!important"])
    ),
    max_size=3,
).map("".join)
CLASS = st.sampled_from(
    ["", ' class="a"', ' class="a b"', " id=a", ' title="a"', ' style="m:n"', " style='m:\"n\"'"]
)
VARYING = st.sampled_from(
    [
        ' href="{{ x }}"',
        ' style="q:{{ x }}"',
        " style='q:{{ y }}\"'",
        ' title="{{ x }}"',
        ' class="{{ x }}"',
        ' id="{{ y }}"',
        ' class="a {% if x %}b{% endif %}"',
        ' title="{% for i in xs %}a{% endfor %}"',
        ' {% if x %}class="b"{% endif %}',
        " title={{ x }}",
    ]
)
ATTRIBUTES = st.one_of(CLASS, CLASS, CLASS, VARYING)
WORDS = st.sampled_from(
    ["a", " ", "{{ x }}", "{{ y|upper }}", "{{ x|default:'z' }}", "<br>", "<img src=x/>", "&amp;"]
)
ODD = [
    *("<p>", "</p>", "<div>", "</div>", "<", "<p/>", "<td>", "<P Class=a>", "</br>", "-->"),
    *("{{ x|default:'<p>' }}", "{{ xs|join:', ' }}", "{# <p> #}", "<style>b{v:w}</style>"),
    *("<!-- {{ x }} -->", "<!--{{ x }}-->", "<!--{{ x }}>", "<!--[if mso]><p>{{ x }} <![endif]-->"),
    *("<body class=a>", "</body>", "<title>{{ x }}</title>", "<title>", "</title>"),
    *("{% if x %}<div>{% endif %}", "{% if x %}</div>{% endif %}"),
]
NAMES = st.sampled_from(["div", "p", "span", "div", "td", "b", "i", "a"])


def nodes(leaves):
    def grown(children):
        inner = st.lists(children, max_size=3).map("".join)
        return st.one_of(
            st.builds("<{0}{1}>{2}</{0}>".format, NAMES, ATTRIBUTES, inner),
            st.builds("<{0}{1}>{2}</{0}>".format, NAMES, ATTRIBUTES, inner),
            st.builds("{{% if x %}}{}{{% endif %}}".format, inner),
            st.builds("{{% if y %}}{}{{% else %}}{}{{% endif %}}".format, inner, inner),
            st.builds("{{% for i in xs %}}{}{{{{ i }}}}{{% endfor %}}".format, inner),
        )

    return st.recursive(leaves, grown, max_leaves=8)


FRAMES = st.sampled_from(
    [
        "<html><head><style>{}</style></head><body{}>{}</body></html>",
        "<style>{}</style><div{}>{}</div>",
        "<body><style>{}</style><i{}></i>{}</body>",
    ]
)
VALUES = st.one_of(
    st.sampled_from(["", "a", "b", "<p>", '"', "'", "-", "--", "-->", ">", "a b", "\0", "\ud800"]),
    st.text(max_size=4),
    st.integers(-1, 2),
)
GIVEN = st.fixed_dictionaries(
    {}, optional={"x": VALUES, "y": VALUES, "xs": st.lists(VALUES, max_size=3)}
)


def same_bytes(source, variables):
    try:
        expected = render_then_inline(source, variables)
    except (RenderFailed, TemplateInvalid):
        return
    event("inlined once" if styled_template(source) else "mail by mail")
    assert render_inlined(source, variables) == expected


@given(
    frame=FRAMES,
    css=RULES,
    attributes=ATTRIBUTES,
    body=st.lists(nodes(WORDS), max_size=4).map("".join),
    variables=st.lists(GIVEN, min_size=2, max_size=2),
)
def test_any_plain_template_gives_the_same_bytes(frame, css, attributes, body, variables):
    for each in variables:
        same_bytes(frame.format("i{o:p}" + css, attributes, body), each)


@given(
    frame=FRAMES,
    css=RULES,
    body=st.lists(nodes(st.one_of(WORDS, st.sampled_from(ODD))), max_size=4).map("".join),
    variables=st.lists(GIVEN, min_size=2, max_size=2),
)
def test_any_odd_template_gives_the_same_bytes(frame, css, body, variables):
    for each in variables:
        same_bytes(frame.format("i{o:p}" + css, "", body), each)
