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

SETTINGS = Path(__file__).resolve().parents[2] / "mysite/settings.py"

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


def outline(path):
    """Return what a settings file sets, a line for each value."""
    lines = []
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign):
            lines += values(ast.unparse(statement.targets[0]), statement.value)
    return lines


def test_settings_have_what_django_writes_in_its_order(tmp_path):
    command = [sys.executable, "-m", "django", "startproject", "mysite", "."]
    subprocess.run(command, cwd=tmp_path, check=True)
    theirs = outline(tmp_path / "mysite/settings.py")
    ours = outline(SETTINGS)
    missing = "\n".join(line for line in theirs if line not in ours)
    assert not missing, f"Django {django.__version__} writes, and we do not:\n{missing}"
    assert theirs == sorted(theirs, key=ours.index)


def test_the_links_lead_to_the_documentation_of_this_django():
    versions = set(re.findall(r"djangoproject\.com/en/([\d.]+)/", SETTINGS.read_text()))
    assert versions == {".".join(map(str, django.VERSION[:2]))}
