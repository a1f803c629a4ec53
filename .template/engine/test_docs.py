"""docs/errors.md has a section for each thing that a message names."""

import ast
import re
from pathlib import Path

import django
import gunicorn
import pytest
from django_tasks_db.models import DBTaskResult

from dyno.refusals import KNOWN

ROOT = Path(__file__).resolve().parents[2]
ERRORS = (ROOT / "docs/errors.md").read_text()
SOURCES = [path.read_text() for path in (ROOT / "dyno").rglob("*.py")]
SOURCE = "".join(SOURCES)
BOTH = re.MULTILINE | re.DOTALL
HEROKU = {"H10", "H12", "H13", "H14", "H18", "H20", "R10", "R12", "R14", "R15"}


def anchors(text):
    """Return what GitHub makes of the headings: #two-words for "Two words"."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def test_each_code_has_a_section_that_says_something_and_no_other_has_one():
    codes = set(re.findall(r'(?:problem\("|deploy\.)([EW]\d{3})', SOURCE))
    sections = dict(re.findall(r"^### ([A-Z]\d+)\n(.*?)(?=^#|\Z)", ERRORS, BOTH))
    assert {*sections} == HEROKU | codes
    assert [code for code, text in sections.items() if len(text) < 50] == []


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("dyno/*.md")]
PAGES += [*ROOT.glob(".github/*.md"), *ROOT.glob(".template/*.md")]


@pytest.mark.parametrize("path", sorted(PAGES), ids=lambda path: path.name)
def test_each_link_in_a_page_leads_somewhere(path):
    text = path.read_text()
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = (path.parent / file) if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target.read_text()), anchor


def test_each_section_that_a_message_names_exists():
    scripts = "".join(path.read_text() for path in (ROOT / "bin").iterdir())
    named = re.findall(r"docs/([\w-]+\.md)#([\w-]+)(?![\w{])", SOURCE + scripts)
    assert {page for page, _ in named} >= {"errors.md", "moving-in.md"}
    for page, anchor in named:
        assert anchor in anchors((ROOT / "docs" / page).read_text())


def test_the_table_that_remains_without_tasks_is_the_one_that_there_is():
    removing = (ROOT / "docs/removing.md").read_text()
    assert f"\n`{DBTaskResult._meta.db_table}` stays in the database" in removing


def test_the_readme_is_read_in_one_pass():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def quoted(text):
    """Return what a page quotes in italics."""
    text = " ".join(text.split())
    return set(re.findall(r"(?<![*\w])\*([^*\s][^*]*)\*(?![*\w])", text))


def lines_of(whose):
    """Return what the section about somebody's lines in the log quotes."""
    section = ERRORS.partition(f"\n### Lines of {whose}\n")[2]
    return quoted(section.partition("\n#")[0])


def text_of(node):
    """Return a text in the source, with "…" for each value in it, or ""."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[.\d]*[sd]|\{\w*\}", "…", node.value)
    return ""


NODES = [node for source in SOURCES for node in ast.walk(ast.parse(source))]
TEXTS = {text_of(node) for node in NODES}
NAMED = {
    ast.unparse(node.targets[0]): node.value
    for node in NODES
    if isinstance(node, ast.Assign)
}
LOGGED = {"warning", "error", "exception", "critical"}
RAISED = {"CommandError", "ImproperlyConfigured", "SystemExit", "exit", "add_note"}


def messages():
    """Return what dyno logs, or fails with, without the command after it."""
    found = set()
    for node in NODES:
        if isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in LOGGED | RAISED:
                argument = node.args[0]
                found.add(text_of(NAMED.get(ast.unparse(argument), argument)))
    causes = {re.split(r" ?(?:Fix|Then): |  \(docs/", text)[0] for text in found}
    # A command, or a mere frame for another text, is nothing to search for.
    return {cause for cause in causes if len(re.findall(r"\w", cause)) > 10}


def test_each_message_is_found_by_its_words():
    found = [words for words in quoted(ERRORS) if len(words) > 7]
    for message in messages():
        words = message.strip(" …:.")
        assert any(each in message or words in each for each in found), message
    for cause in KNOWN.values():
        assert cause.partition(".")[0] in found


def test_each_line_of_the_log_is_written_by_this_project_or_its_packages():
    for line in lines_of("this project"):
        for part in line.split(" … "):
            assert any(part in text for text in TEXTS), part
    folders = [Path(package.__file__).parent for package in (django, gunicorn)]
    texts = [path.read_text() for folder in folders for path in folder.rglob("*.py")]
    for line in lines_of("Django and gunicorn"):
        assert any(line in text for text in texts), line
