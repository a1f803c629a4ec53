"""settings.py has what Django's own `startproject` writes, in the same order.

Where this fails after an upgrade of Django, its project template has changed: take the
change over, or name the difference here.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

SETTINGS = Path(__file__).resolve().parents[2] / "mysite/settings.py"

# Django's headings that have another name here.
HEADINGS = {
    "Quick-start development settings - unsuitable for production": "Security",
    "Password validation": "Users and passwords",
    "Static files (CSS, JavaScript, Images)": (
        "Static files (CSS, JavaScript, images) and uploads"
    ),
}
# What comes from config vars here, so that the name alone is compared.
COMPUTED = {"ALLOWED_HOSTS", "DATABASES", "DEBUG"}
COMPUTED |= {"MAILERS", "SECRET_KEY", "STATIC_URL"}


def values(name, node):
    """Yield a line for each value of a setting, however deep it is."""
    if name in COMPUTED:
        yield name
    elif isinstance(node, ast.List):
        for element in node.elts:
            yield from values(f"{name}[]", element)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from values(f"{name}[{ast.unparse(key)}]", value)
    else:
        yield f"{name} = {ast.unparse(node)}"


def outline(text):
    """Return what each section of a settings file sets, a line for each value."""
    title, *rest = re.split(r"\n\n\n# (.+)\n", text)
    lines = []
    for heading, section in zip(["", *rest[::2]], [title, *rest[1::2]], strict=True):
        if heading:
            lines.append(f"# {HEADINGS.get(heading, heading)}")
        for statement in ast.parse(section).body:
            if isinstance(statement, ast.Assign):
                lines += values(ast.unparse(statement.targets[0]), statement.value)
    return lines


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The settings of a fresh project of the installed Django."""
    folder = tmp_path_factory.mktemp("fresh")
    command = [sys.executable, "-m", "django", "startproject", "mysite", "."]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "mysite/settings.py").read_text()


def test_settings_have_what_django_writes_in_its_order(fresh):
    theirs = outline(fresh)
    ours = outline(SETTINGS.read_text())
    missing = "\n".join(line for line in theirs if line not in ours)
    assert not missing, f"Django {django.__version__} writes, and we do not:\n{missing}"
    assert theirs == sorted(theirs, key=ours.index)


def test_the_links_lead_to_the_documentation_of_this_django():
    versions = set(re.findall(r"djangoproject\.com/en/([\d.]+)/", SETTINGS.read_text()))
    assert versions == {".".join(map(str, django.VERSION[:2]))}
