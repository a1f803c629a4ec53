"""docs/errors.md has a section for each thing that a message names."""

import re
from pathlib import Path

import django
import gunicorn
import messages
import pytest
from django_tasks_db.models import DBTaskResult

from dyno.refusals import KNOWN

ENGINE = Path(__file__).resolve().parent
ROOT = ENGINE.parent.parent
ERRORS = (ROOT / "docs/errors.md").read_text()
SOURCE = "".join(path.read_text() for path in (ROOT / "dyno").rglob("*.py"))
BOTH = re.MULTILINE | re.DOTALL
HEROKU = ["H10", "H12", "H13", "H14", "H18", "H20", "R10", "R12", "R14", "R15"]


def anchors(text):
    """Return what GitHub makes of the headings: #two-words for "Two words"."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def ids():
    """Return the id of every check: E001, W005 and so on."""
    return set(re.findall(r'(?:problem\("|deploy\.)([EW]\d{3})', SOURCE))


def test_each_code_has_a_section_that_says_something_and_no_other_has_one():
    sections = dict(re.findall(r"^### ([A-Z]\d+)\n(.*?)(?=^#|\Z)", ERRORS, BOTH))
    assert {*sections} == {*HEROKU, *ids()}
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


def test_each_message_is_found_by_its_words():
    found = [words for words in quoted(ERRORS) if len(words) > 7]
    for message in messages.messages():
        words = message.strip(" …:.")
        assert any(each in message or words in each for each in found), message
    for cause in KNOWN.values():
        assert cause.partition(".")[0] in found


def test_each_line_of_the_log_is_written_by_this_project_or_its_packages():
    constants = messages.constants()
    for line in lines_of("this project"):
        for part in line.split(" … "):
            assert any(part in text for text in constants), part
    folders = [Path(package.__file__).parent for package in (django, gunicorn)]
    texts = [path.read_text() for folder in folders for path in folder.rglob("*.py")]
    for line in lines_of("Django and gunicorn"):
        assert any(line in text for text in texts), line
