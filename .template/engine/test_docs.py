"""docs/errors.md has a section for each thing that a message names."""

import re
from pathlib import Path

import pytest
from test_checks import BROKEN

ROOT = Path(__file__).resolve().parent.parent.parent
ERRORS = (ROOT / "docs/errors.md").read_text()
SOURCE = "".join(path.read_text() for path in (ROOT / "dyno").rglob("*.py"))
HEROKU = ["H10", "H12", "H13", "H14", "H18", "H20", "R10", "R12", "R14", "R15"]

# Checked by tests of their own.
ELSEWHERE = {"E008", "E034"}


def anchors(text):
    """Return what GitHub makes of the headings: #two-words for "Two words"."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def ids():
    """Return the id of every check: E001, W005 and so on."""
    found = re.findall(r"\b(error|warning)\(\s*(\d+), ", SOURCE)
    called = {f"{kind[0].upper()}{int(number):03}" for kind, number in found}
    return called | set(re.findall(r"deploy\.([EW]\d{3})", SOURCE))


@pytest.mark.parametrize("code", sorted({*HEROKU, *ids()}))
def test_each_code_has_a_section_that_says_something(code):
    assert code.lower() in anchors(ERRORS)
    section = ERRORS.partition(f"### {code}\n")[2].partition("\n#")[0]
    assert len(section.strip()) > 50


def test_no_section_is_about_a_check_that_is_gone():
    assert set(re.findall(r"^### ([EW]\d+)$", ERRORS, re.MULTILINE)) == ids()


def test_each_check_has_a_test():
    tested = {code for codes, _ in BROKEN.values() for code in codes.split()}
    assert ids() == tested | ELSEWHERE


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("dyno/*.md")]
PAGES += [*ROOT.glob(".github/*.md"), *ROOT.glob(".template/*.md")]


@pytest.mark.parametrize("path", sorted(PAGES), ids=lambda path: path.name)
def test_each_link_in_a_page_leads_somewhere(path):
    text = path.read_text()
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = (path.parent / file) if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target.read_text()), anchor


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
