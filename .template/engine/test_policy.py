"""The check that names what SECURE_CSP refuses in the project's templates."""

import re

import pytest
from django.utils.csp import CSP
from sites import tag

from dyno.checks.policy import policy

OWN = [CSP.SELF]
POLICY = {
    "default-src": [CSP.NONE],
    "script-src": OWN,
    "style-src": OWN,
    "img-src": [*OWN, "data:"],
    "font-src": OWN,
    "media-src": OWN,
    "form-action": OWN,
}
CDN = "https://cdn.jsdelivr.net"
VARIABLE = "{" + "{ variable }" + "}"
NONCE = tag("csp_nonce_attr")


@pytest.fixture
def report(site, settings):
    """Return a function that writes a template, and returns the warnings."""
    settings.SECURE_CSP = POLICY

    def write(text, name="shop/page.html"):
        site.file(f"templates/{name}", text)
        return [(problem.msg, problem.hint) for problem in policy()]

    return write


def add(settings, lines):
    """Change the policy by what the warnings say."""
    more = eval("{" + lines + "}", {"CSP": CSP, "OWN": OWN})
    settings.SECURE_CSP = POLICY | more


MOVE = "Fix: move it to a file in static/  (docs/errors.md#w042)"
ATTRIBUTE = '"style-src-attr": [CSP.UNSAFE_INLINE],'
REFUSED = {
    "<script src=//cdn.jsdelivr.net/a></script>": f'"script-src": [*OWN, "{CDN}"],',
    f"<link rel='preload' as='font' href='{CDN}/a'>": f'"font-src": [*OWN, "{CDN}"],',
    f"<link rel='SHORTCUT ICON' href={CDN}/a>": f'"img-src": [*OWN, "data:", "{CDN}"],',
    "<video><source src='data:a'></video>": '"media-src": [*OWN, "data:"],',
    "<iframe src='https://a.example.com/b'>": '"frame-src": ["https://a.example.com"],',
    "<form action=https://a.com:8443/a>": '"form-action": [*OWN, "https://a.com:8443"],',
    f"<script {NONCE}>a</script>": '"script-src": [*OWN, CSP.NONCE],',
    f"<script nonce='{VARIABLE}'>a</script>": '"script-src": [*OWN, CSP.NONCE],',
    "<style>a { color: red }</style>": '"style-src": [*OWN, CSP.UNSAFE_INLINE],',
    f"<p {tag('if a')}style='a'{tag('endif')}>": ATTRIBUTE,
    f"<p title='{tag('url "a"')}' style=a>": ATTRIBUTE,
    "<![if !IE]><p style=a><![endif]>": ATTRIBUTE,
}


@pytest.mark.parametrize(("html", "line"), REFUSED.items(), ids=REFUSED)
def test_what_the_policy_refuses_is_named_with_its_place_and_the_line(
    report, settings, html, line
):
    before = "\n".join([tag("comment"), "<p style=a>", tag("endcomment"), "<p>", ""])
    ((cause, hint),) = report(before + html)
    assert "in shop/page.html, line 5" in cause
    assert hint.startswith(f"Fix: {line} in SECURE_CSP in settings.py ")
    add(settings, line)
    assert not [*policy()]


@pytest.mark.parametrize(
    "html", ["<a href='javascript:history.back()'>", "<p onClick='a()'>"]
)
def test_a_script_in_a_page_is_moved_not_allowed(report, html):
    assert [hint for _, hint in report(html)] == [MOVE]


ALLOWED = [
    f"<script src='{tag('static "a.js"')}'></script>",
    f"<script src='https://{VARIABLE}/a.js'></script>",
    "<script src='/static/a.js'></script><link rel=stylesheet href=a.css>",
    "<script type='application/json'>{}</script>",
    "<img src='data:image/png;base64,aaaa' srcset='' alt='onclick=a'>",
    f"<link rel='canonical' href='{CDN}'><link rel=preconnect href='{CDN}'>",
    "<form><input on-tap=a x-on:click=a @click=a></form>",
    f"<!-- <script src='{CDN}/a.js'></script> -->",
    "{" + f"# <script src='{CDN}/a.js'></script> #" + "}",
]


@pytest.mark.parametrize("html", ALLOWED)
def test_what_the_policy_allows_is_not_reported(report, html):
    assert report(html) == []


EVERYTHING = f"""
<script src="{CDN}/a.js"></script><link href="{CDN}/a.css" rel="stylesheet">
<style></style><p style="a" onclick="a"><script>a</script><img src="{CDN}/a.png">
<iframe src="{CDN}"></iframe><form action="{CDN}"></form>
<link href="https://fonts.googleapis.com/css2?family=Inter" rel="stylesheet">
"""


def test_one_line_for_each_directive_holds_all_and_names_the_first_places(
    report, settings
):
    said = str(report(EVERYTHING * 2))
    places = re.findall("shop/page.html, line (.+?)[;:]", said)
    assert {*places} == {*"2345"}
    assert '"font-src": [*OWN, "https://fonts.gstatic.com"],' in said
    add(settings, "".join(re.findall(r'Fix: (".*?\],)', said)))
    assert {hint for _, hint in report(EVERYTHING)} == {MOVE}


SCRIPT = f"<script src='{CDN}/a'></script>"
NONCES = f"<script {NONCE} src='{CDN}/a'></script><script {NONCE}>a</script>"
OPENED = {
    "a text": (SCRIPT, "script-src", "'self' cdn.jsdelivr.net"),
    "a path": (SCRIPT, "script-src", [f"{CDN}/npm/"]),
    "subdomains": (f"<img src='{CDN}/a'>", "img-src", "https://*.jsdelivr.net"),
    "a scheme": (f"<img src='{CDN}/a'>", "img-src", "https:"),
    "frames by default": (f"<iframe src='{CDN}/a'>", "default-src", [CDN]),
    "a nonce": (NONCES, "script-src", [CSP.NONCE]),
    "a hash": ("<script>a</script>", "script-src", ["'sha256-aaaa'"]),
    "all attributes of style": ("<p style=a>", "style-src", CSP.UNSAFE_INLINE),
}


@pytest.mark.parametrize(("html", "name", "allowed"), OPENED.values(), ids=OPENED)
def test_an_owners_own_line_is_understood(report, settings, html, name, allowed):
    assert report(html)
    settings.SECURE_CSP = POLICY | {name: allowed}
    assert report(html) == []


@pytest.mark.parametrize(
    ("setting", "html"),
    [
        (None, EVERYTHING),
        ({"base-uri": [CSP.NONE]}, EVERYTHING),
        ({"default-src": [CSP.NONE]}, f"<form action={CDN}>"),  # it is no fallback
    ],
)
def test_without_a_policy_nothing_is_reported(report, settings, setting, html):
    settings.SECURE_CSP = setting
    assert report(html) == []


def test_emails_are_left_alone_but_pages_are_not_taken_for_them(report):
    for name in ("mail/a.html", "registration/reset_email.html", "a.txt"):
        assert report(EVERYTHING, name) == []
    assert report(EVERYTHING, "mailing/females.html")
