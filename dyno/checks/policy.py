"""What SECURE_CSP refuses: browsers leave it out, and only their console says so."""

import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from html.parser import HTMLParser

from django.conf import settings
from django.utils.csp import CSP

from dyno.checks.pages import project_templates
from dyno.checks.registry import Problems, check, problem

Attributes = list[tuple[str, str | None]]

LEFT_OUT = "Browsers leave out {}: the policy does not allow it."

# By which elements, or links whose rel or as has this word, something is loaded.
LOADS = {
    "script-src": {"script"},
    "style-src": {"stylesheet"},
    "font-src": {"font"},
    "img-src": {"icon", "img"},
    "media-src": {"audio", "source", "video"},
    "frame-src": {"iframe"},
    "form-action": {"form"},
}
UNRESTRICTED = {"default-src": ["*", "data:", CSP.UNSAFE_INLINE], "form-action": ["*"]}
NAMES = {member.value: f"CSP.{member.name}" for member in CSP} | {CSP.SELF: "*OWN"}
SCRIPT = re.compile(r"|module|importmap|(text|application)/javascript")
ORIGIN = re.compile(r"data:|(https?:)?//[^/?#\s]+")
GOOGLE = "https://fonts.gstatic.com"
EMAIL = re.compile(r"(^|[/_.-])e?mails?[/_.-]")

# What a template's tags become. In brackets, or `startproject` would take them for its
# own. The parser raises an error at the "<![" of a conditional comment.
MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
COMMENT = r"(?s:[{]% comment.*?[{]% endcomment %[}])"
TAGS = re.compile(COMMENT + r"|[{]%.*?%[}]|[{][{].*?[}][}]|[{]#.*?#[}]|<!\[")


def sources(directive: str) -> list[str]:
    """Return what the policy allows, by this directive or one that it falls back to."""
    policy = UNRESTRICTED | (settings.SECURE_CSP or {})
    allowed = policy.get(directive) or policy.get(directive.removesuffix("-attr"))
    allowed = allowed or policy["default-src"]
    if isinstance(allowed, str):
        allowed = allowed.split()
    return [source for source in allowed if source != CSP.NONE]


def allows(allowed: list[str], source: str) -> bool:
    """Return whether these sources allow another one."""
    if source in (CSP.NONCE, CSP.UNSAFE_INLINE):
        hashes = any(each.startswith("'sha") for each in allowed)
        return hashes or source in allowed or CSP.UNSAFE_INLINE in allowed
    scheme, _, host = source.partition("//")
    hosts = [each.rpartition("//")[2].partition("/")[0] for each in allowed if host]
    return scheme in allowed or any(fnmatchcase(host, each) for each in hosts)


def blank(tag: re.Match) -> str:
    """Return what stands in a tag's place: as many lines, so that they are counted."""
    return MARK + "\n" * tag[0].count("\n")


class Elements(HTMLParser):
    """The line, the name and the attributes of each element of a template."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str, Attributes]] = []
        self.feed(TAGS.sub(blank, template))

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Add an element; the parser calls this."""
        self.found.append((self.getpos()[0], tag, attrs))


def needs(tag: str, attrs: Attributes) -> Iterator[tuple[str, str, str]]:
    """Yield a directive, the source that an element needs there, and what needs it."""
    given = {name.strip(MARK): (value or "").strip() for name, value in attrs}
    # A template tag between the attributes has no name left, and may be a nonce.
    nonce = "nonce" in given or "" in given
    is_script = tag == "script" and SCRIPT.fullmatch(given.get("type", "").lower())
    if tag == "style" or (is_script and "src" not in given):
        source = CSP.NONCE if nonce else CSP.UNSAFE_INLINE
        yield f"{tag}-src", source, f"a <{tag}> in the page"
    for name, value in given.items():
        if re.fullmatch("on[a-z]+", name):
            yield "script-src-attr", CSP.UNSAFE_INLINE, f"{name}="
        elif name == "style" and value:
            yield "style-src-attr", CSP.UNSAFE_INLINE, "style="
        elif value.lower().startswith("javascript:"):
            yield "script-src", CSP.UNSAFE_INLINE, "javascript:"
    url = given.get("src") or given.get("href") or given.get("action") or ""
    origin = ORIGIN.match(url.lower())
    if not origin or MARK in origin[0]:
        return
    source = re.sub("^//", "https://", origin[0])
    words = f"{tag} {given.get('rel')} {given.get('as')}".lower().split()
    for directive, loading in LOADS.items():
        is_trusted = nonce and CSP.NONCE in sources(directive)
        if loading.intersection(words) and not is_trusted:
            yield directive, source, source
    if source == "https://fonts.googleapis.com":  # its styles load fonts there
        yield "font-src", GOOGLE, GOOGLE


@check(deploy=sys.argv[1:2] != ["runserver"])  # that runs only the other checks
def policy() -> Problems:
    """Find what the project's pages need and the policy does not allow."""
    places: dict[str, dict[str, str]] = {}  # the first of each directive and source
    for _, name, path in project_templates():
        if path.suffix != ".html" or EMAIL.search(name):
            continue
        for line, tag, attrs in Elements(path.read_text("utf-8", "replace")).found:
            for directive, source, what in needs(tag, attrs):
                place = f"{what}, in {name}, line {line}"
                places.setdefault(directive, {}).setdefault(source, place)
    for directive, first in places.items():
        allowed = sources(directive)
        refused = [source for source in first if not allows(allowed, source)]
        if directive.startswith("script") and CSP.UNSAFE_INLINE in refused:
            # To allow it would also run a script that an attacker gets into a page.
            refused.remove(CSP.UNSAFE_INLINE)
            cause = LEFT_OUT.format(first[CSP.UNSAFE_INLINE])
            yield problem("W042", cause, "move it to a file in static/")
        if refused:
            kept = [] if directive.endswith("-attr") else allowed
            words = [NAMES.get(each, f'"{each}"') for each in [*kept, *refused]]
            cause = LEFT_OUT.format("; ".join(first[source] for source in refused))
            fix = f'"{directive}": [{", ".join(words)}], in SECURE_CSP in settings.py'
            yield problem("W042", cause, fix)
