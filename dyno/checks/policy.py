"""What SECURE_CSP refuses: browsers leave it out, and only their console says so."""

import re
import sys
from fnmatch import fnmatchcase
from html.parser import HTMLParser

from django.conf import settings
from django.utils.csp import CSP

from dyno.checks.pages import project_templates
from dyno.checks.registry import Problems, check, problem

# What elements load, and links whose rel or as has this word.
LOADS = {
    "script": "script-src",
    "stylesheet": "style-src",
    "font": "font-src",
    "icon": "img-src",
    "img": "img-src",
    "audio": "media-src",
    "source": "media-src",
    "video": "media-src",
    "iframe": "frame-src",
    "form": "form-action",
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


class Page(HTMLParser):
    """Collects what a template needs, a directive and a source, and where it does."""

    def __init__(self, name: str, template: str) -> None:
        super().__init__()
        self.name = name
        self.needs: dict[tuple[str, str], str] = {}
        self.feed(TAGS.sub(lambda tag: MARK + "\n" * tag[0].count("\n"), template))

    def need(self, directive: str, source: str, what: str) -> None:
        """Note what the present element needs, unless another one has needed it."""
        place = f"{what}, in {self.name}, line {self.getpos()[0]}"
        self.needs.setdefault((directive, source), place)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the scripts and styles that stand in an element, and what it loads."""
        given = {name.strip(MARK): (value or "").strip() for name, value in attrs}
        # A template tag between the attributes has no name left, and may be a nonce.
        nonce = "nonce" in given or "" in given
        is_script = tag == "script" and SCRIPT.fullmatch(given.get("type", "").lower())
        if tag == "style" or (is_script and "src" not in given):
            source = CSP.NONCE if nonce else CSP.UNSAFE_INLINE
            self.need(f"{tag}-src", source, f"a <{tag}> in the page")
        for name, value in given.items():
            if re.fullmatch("on[a-z]+", name):
                self.need("script-src-attr", CSP.UNSAFE_INLINE, f"{name}=")
            elif name == "style" and value:
                self.need("style-src-attr", CSP.UNSAFE_INLINE, "style=")
            elif value.lower().startswith("javascript:"):
                self.need("script-src", CSP.UNSAFE_INLINE, "javascript:")
        url = given.get("src") or given.get("href") or given.get("action") or ""
        origin = ORIGIN.match(url.lower())
        if not origin or MARK in origin[0]:
            return
        source = re.sub("^//", "https://", origin[0])
        for word in f"{tag} {given.get('rel')} {given.get('as')}".lower().split():
            directive = LOADS.get(word)
            if directive and not (nonce and CSP.NONCE in sources(directive)):
                self.need(directive, source, source)
        if source == "https://fonts.googleapis.com":  # its styles load fonts there
            self.need("font-src", GOOGLE, GOOGLE)


@check(deploy=sys.argv[1:2] != ["runserver"])  # that runs only the other checks
def policy() -> Problems:
    """Find what the project's pages need and the policy does not allow."""
    needs: dict[tuple[str, str], str] = {}
    for _, name, path in project_templates():
        if path.suffix == ".html" and not EMAIL.search(name):
            needs = Page(name, path.read_text("utf-8", "replace")).needs | needs
    lists: dict[str, list[str]] = {}
    for (directive, source), place in sorted(needs.items(), reverse=True):
        if allows(sources(directive), source):
            continue
        if directive not in lists:
            lists[directive] = [] if directive.endswith("-attr") else sources(directive)
        lists[directive].append(source)
        words = [NAMES.get(each, f'"{each}"') for each in lists[directive]]
        cause = f"Browsers leave out {place}: the policy does not allow it."
        fix = f'"{directive}": [{", ".join(words)}], in SECURE_CSP in settings.py'
        yield problem("W042", cause, fix)
