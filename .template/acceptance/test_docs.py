"""The README's table of config vars names what the code reads, and nothing else."""

import ast
import re
from fnmatch import fnmatchcase

import pytest
from heroku import ROOT

CODE = [*ROOT.glob("mysite/**/*.py"), *ROOT.glob("dyno/**/*.py")]
CODE += [ROOT / "gunicorn.conf.py", ROOT / "manage.py"]

# The functions that read a config var, of a mapping or of dyno.environ.
READS = {"get", "whole_number"}

# Module-level tuples of the names that a loop reads, and the start of such names.
TUPLES = {"URLS", "ADD_ONS", "BUCKETS"}


def is_environ(node):
    """Return whether an expression is the config vars: os.environ, or a mapping of it.

    A WSGI environ is called the same; its names are left out below.
    """
    return ast.unparse(node) in ("os.environ", "environ")


def strings(node):
    """Return every string in an expression."""
    found = (child.value for child in ast.walk(node) if isinstance(child, ast.Constant))
    return {value for value in found if isinstance(value, str)}


def names_in(path):
    """Return the config vars that a file reads; a prefix of several ends with "_"."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: strings(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    keys = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_environ(node.value):
            if isinstance(node.ctx, ast.Load):
                keys.append(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if is_environ(node.func.value) and node.func.attr in READS:
                keys.append(node.args[0])
        elif isinstance(node, ast.Compare) and is_environ(node.comparators[0]):
            keys.append(node.left)
    found = {value for name in TUPLES & {*constants} for value in constants[name]}
    for key in keys:
        if isinstance(key, ast.Name):
            found |= constants.get(key.id, set())
        elif not isinstance(key, ast.BinOp):  # a prefix and what follows it
            found |= strings(key)
    wsgi = (
        r"HTTP_\w+|CONTENT_\w+|PATH|(PATH|SCRIPT)_\w+|REMOTE_ADDR|\w+_(METHOD|STRING)"
    )
    return {
        name
        for name in found
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and not re.fullmatch(wsgi, name)
    }


def read():
    """Return every config var that the code reads."""
    return set().union(*map(names_in, CODE))


def table():
    """Return the names in the first column of the README's table; * stands for any."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("\n## Config vars\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([A-Z0-9_*]+)`", row)]


@pytest.mark.parametrize("name", sorted(read()))
def test_each_config_var_that_the_code_reads_is_in_the_table(name):
    assert any(fnmatchcase(name, pattern) for pattern in table())


@pytest.mark.parametrize("pattern", table())
def test_each_config_var_in_the_table_is_read_by_the_code(pattern):
    assert any(fnmatchcase(name, pattern) for name in read())


def test_each_config_var_has_a_row_of_its_own():
    assert len(table()) == len(set(table()))
