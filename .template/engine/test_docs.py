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
HEROKU = ["H10", "H12", "H13", "H14", "H18", "H20", "R10", "R12", "R14", "R15"]


def anchors(text):
    """Return what GitHub makes of the headings: #two-words for "Two words"."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def ids():
    """Return the id of every check: E001, W005 and so on."""
    return set(re.findall(r'(?:problem\("|deploy\.)([EW]\d{3})', SOURCE))


@pytest.mark.parametrize("code", sorted({*HEROKU, *ids()}))
def test_each_code_has_a_section_that_says_something(code):
    assert code.lower() in anchors(ERRORS)
    section = ERRORS.partition(f"### {code}\n")[2].partition("\n#")[0]
    assert len(section.strip()) > 50


def test_no_section_is_about_a_check_that_is_gone():
    assert set(re.findall(r"^### ([EW]\d+)$", ERRORS, re.MULTILINE)) == ids()


def test_each_check_has_a_test():
    tests = "".join(path.read_text() for path in ENGINE.glob("test_*.py"))
    assert ids() == set(re.findall(r'["\.]([EW]\d{3})[":]', tests))


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("dyno/*.md")]
PAGES += [*ROOT.glob(".github/*.md"), *ROOT.glob(".template/*.md")]


@pytest.mark.parametrize("path", sorted(PAGES), ids=lambda path: path.name)
def test_each_link_in_a_page_leads_somewhere(path):
    text = path.read_text()
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = (path.parent / file) if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target.read_text()), anchor


def test_the_table_that_remains_without_tasks_is_the_one_that_there_is():
    removing = (ROOT / "docs/removing.md").read_text()
    assert f"\n`{DBTaskResult._meta.db_table}` stays in the database" in removing


def test_the_readme_is_read_in_one_pass():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_first_pages_leave_nothing_to_be_filled_in():
    for name in ("README.md", ".github/README.md"):
        assert not re.search(r"OWNER|REPOSITORY", (ROOT / name).read_text())


def test_the_picture_of_the_front_page_is_small():
    assert (ROOT / ".github/home.png").stat().st_size < 60_000


def test_each_section_that_a_message_names_exists():
    scripts = "".join(path.read_text() for path in (ROOT / "bin").iterdir())
    named = re.findall(r"docs/([\w-]+\.md)#([\w-]+)(?![\w{])", SOURCE + scripts)
    assert {page for page, _ in named} >= {"errors.md", "moving-in.md"}
    for page, anchor in named:
        assert anchor in anchors((ROOT / "docs" / page).read_text())


def quoted(text):
    """Return what a page quotes in italics."""
    text = " ".join(text.split())
    return set(re.findall(r"(?<![*\w])\*([^*\s][^*]*)\*(?![*\w])", text))


def lines_of(whose):
    """Return what the section about somebody's lines in the log quotes."""
    section = ERRORS.partition(f"\n### Lines of {whose}\n")[2]
    return sorted(quoted(section.partition("\n#")[0]))


MESSAGES = sorted(messages.messages())
CONSTANTS = messages.constants()


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_is_found_by_its_words(message):
    words = message.strip(" …:.")
    assert any(
        each in message or words in each for each in quoted(ERRORS) if len(each) > 7
    )


@pytest.mark.parametrize("cause", [text.partition(".")[0] for text in KNOWN.values()])
def test_each_cause_of_a_database_that_cannot_be_used_is_found(cause):
    assert cause in quoted(ERRORS)


@pytest.mark.parametrize("line", lines_of("this project"))
def test_each_line_of_this_project_is_written_by_it(line):
    for part in line.split(" … "):
        assert any(part in text for text in CONSTANTS)


@pytest.mark.parametrize("line", lines_of("Django and gunicorn"))
def test_each_line_of_a_package_is_written_by_it(line):
    folders = [Path(package.__file__).parent for package in (django, gunicorn)]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert any(line in path.read_text() for path in files)


# Facts that were once in several places, which then disagreed.
ONCE = (
    r"workers × `DATABASE_POOL_SIZE`",  # how many connections
    "config:unset DJANGO_SECRET_KEY_FALLBACKS",  # how to change the key
    "512 kB",  # how large a body may be
    "up to two seconds",  # how long gunicorn waits for a client that stays connected
)


@pytest.mark.parametrize("fact", ONCE)
def test_a_fact_is_written_once_in_the_pages(fact):
    pages = [page for page in PAGES if ".template" not in page.parts]
    assert sum(page.read_text().count(fact) for page in pages) == 1


# What readers whose first language is not English stumbled over.
RIDDLES = r"\b(is none|what is no|e\.g\.|that is no)\b"


def test_no_page_speaks_in_riddles():
    code = [path for path in ROOT.glob("bin/*") if path.is_file()]
    code += [*ROOT.glob("dyno/**/*.py"), *ROOT.glob("mysite/**/*.py")]
    for path in [*PAGES, *code]:
        assert not re.search(RIDDLES, path.read_text()), path
