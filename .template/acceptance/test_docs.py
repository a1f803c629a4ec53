"""The README's tables of config vars name what the code reads, and nothing else.

The commands in the pages exist, and a backup is restored as they say.
"""

import ast
import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from urllib.request import urlopen

import heroku
import parts
import pytest
from heroku import ROOT
from projects import call, install

CODE = [*ROOT.glob("mysite/**/*.py"), *ROOT.glob("dyno/**/*.py")]
CODE += [ROOT / "gunicorn.conf.py", ROOT / "manage.py"]

# The functions that read a config var, of a mapping or of dyno.environ.
READS = {"get", "whole_number"}

# Module-level tuples of the names that a loop reads, and the start of such names.
TUPLES = {"BUCKETS"}


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
    # Django's own, which names no value of a server, and WSGI's.
    others = (
        r"DJANGO_SETTINGS_MODULE|HTTP_\w+|CONTENT_\w+|PATH|(PATH|SCRIPT)_\w+|"
        r"REMOTE_ADDR|\w+_(METHOD|STRING)"
    )
    return {
        name
        for name in found
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and not re.fullmatch(others, name)
    }


def read():
    """Return every config var that the code reads."""
    return set().union(*map(names_in, CODE))


def table():
    """Return the names in the first column of the README's tables; * is for any."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("\n## Config vars\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([A-Z0-9_*]+)`", row)]


@pytest.mark.parametrize("name", sorted(read()))
def test_each_config_var_that_the_code_reads_is_in_a_table(name):
    assert any(fnmatchcase(name, pattern) for pattern in table())


@pytest.mark.parametrize("pattern", table())
def test_each_config_var_in_a_table_is_read_by_the_code(pattern):
    assert any(fnmatchcase(name, pattern) for name in read())


def test_each_config_var_has_a_row_of_its_own():
    assert len(table()) == len(set(table()))


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def commands():
    """Return each command of Heroku's CLI in a block of code, as a list of words."""
    found = set()
    for page in PAGES:
        text = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL))
        text = text.replace("\\\n", " ")
        found |= {*re.findall(r"(?m)(?:^| \")(heroku [a-z].*)", text)}
    return sorted(found)


@pytest.fixture(scope="module")
def manifest():
    """The flags of each command of Heroku's own CLI."""
    path = heroku.node_modules("cli") / "heroku/oclif.manifest.json"
    found = json.loads(path.read_text())["commands"]
    takes = {}
    for name, details in found.items():
        for alias in (name, *details["aliases"], *details["hiddenAliases"]):
            takes[alias] = {*details["flags"]}
    return takes


@pytest.mark.parametrize("command", commands())
def test_each_command_in_the_pages_is_one_of_herokus_cli(manifest, command):
    name, *words = command.partition("  ")[0].split()[1:]
    own = takewhile(lambda word: word != "python", words)
    flags = {word[2:].partition("=")[0] for word in own if word.startswith("--")}
    assert flags <= manifest[name]


def add_extensions(postgres, database, *names):
    """Give a database what Heroku's have, where a superuser adds the extensions."""
    postgres.psql("CREATE SCHEMA heroku_ext", database)
    postgres.psql("GRANT USAGE ON SCHEMA heroku_ext TO dyno", database)
    for name in ("pg_stat_statements", *names):
        postgres.psql(f"CREATE EXTENSION {name} SCHEMA heroku_ext CASCADE", database)


def test_a_backup_is_restored_and_the_site_runs_on_it(
    postgres, source, slug, secret_key, tmp_path
):
    text = (ROOT / "docs/growing.md").read_text().partition("\n## Backups\n")[2]
    block = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    download, *restore, serve = block.splitlines()
    assert download.startswith("heroku pg:backups:download ")
    assert serve.endswith(" bin/run")

    # Heroku makes the backup by pg_dump, in the custom format.
    url = postgres.create("backed_up")
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "DATABASE_URL": url}
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput --username ada"
    more = {"DJANGO_SUPERUSER_EMAIL": "a@example.com", "DJANGO_SUPERUSER_PASSWORD": "x"}
    heroku.run(slug, config_vars, create, **more)
    add_extensions(postgres, "backed_up", "citext")
    programs = Path(parts.need("pg_restore")).parent
    dump = [programs / "pg_dump", "-Fc", "--file=latest.dump", url]
    subprocess.run(dump, cwd=tmp_path, check=True)

    # On the owner's machine, where these name the server and the role.
    there = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "dyno"}
    there |= {"PGPASSWORD": parts.PASSWORD}
    path = f"{programs}:{os.environ['PATH']}"
    postgres.drop("rehearsal")
    for command in restore:
        call("sh", "-c", command, cwd=tmp_path, PATH=path, **there)
    restored = serve.removesuffix(" bin/run").removeprefix("DATABASE_URL=")
    project = shutil.copytree(source, tmp_path / "project")
    install(project)
    shutil.copy(project / "requirements.txt", project / ".venv")
    port = str(parts.free_port())
    with (tmp_path / "log").open("w") as log:
        env = heroku.shell(DATABASE_URL=restored, PORT=port, **there)
        site = subprocess.Popen(["bin/run"], cwd=project, env=env, stdout=log)
    try:
        parts.wait_until(lambda: site.poll() is not None or parts.listens(int(port)))
        ready = urlopen(f"http://127.0.0.1:{port}/ready").read().decode()
    finally:
        site.terminate()
        site.wait()
    assert '"database": "ok"' in ready and '"migrations": "ok"' in ready
    assert postgres.psql("SELECT username FROM mysite_user", "rehearsal") == "ada"


@pytest.fixture
def move(postgres, slug, secret_key, tmp_path):
    """Return a function that does as docs/leaving.md says, for a role of few rights."""
    text = (ROOT / "docs/leaving.md").read_text().partition("\n## Move the data\n")[2]
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    old = postgres.create("old")
    heroku.release(slug, {"DJANGO_SECRET_KEY": secret_key, "DATABASE_URL": old})
    add_extensions(postgres, "old", "citext", "earthdistance")
    for sql in (
        "CREATE TABLE customer (name heroku_ext.citext UNIQUE)",
        "INSERT INTO customer VALUES ('Ada')",
        "ALTER TABLE customer OWNER TO dyno",
        "COMMENT ON TABLE customer IS 'Each EXTENSION counts'",
    ):
        postgres.psql(sql, "old")
    postgres.psql("CREATE ROLE mover LOGIN PASSWORD 'p'")
    postgres.psql("CREATE DATABASE new OWNER mover")
    (tmp_path / "heroku").write_text(f"#!/bin/sh\necho '{old}'\n")  # config:get
    (tmp_path / "heroku").chmod(0o755)
    programs = Path(parts.need("pg_restore")).parent
    env = {"PATH": f"{tmp_path}:{programs}:{os.environ['PATH']}"}
    url = f"postgres://mover:p@127.0.0.1:{postgres.port}/new"
    env["NEW_DATABASE_URL"] = url

    def run():
        shell = ["sh", "-c", commands]
        done = subprocess.run(
            shell, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True
        )
        return done.stderr

    run.psql = lambda sql: call(parts.need("psql"), "-XAtc", sql, url, cwd=tmp_path)
    yield run
    postgres.drop("new")
    postgres.drop("old")
    postgres.psql("DROP ROLE mover")


def test_the_data_moves_to_a_role_that_may_not_create_every_extension(move, postgres):
    said = move()
    assert 'permission denied to create extension "pg_stat_statements"' in said
    customer = "SELECT name FROM customer WHERE name = 'ADA'"
    assert move.psql(customer) == "Ada\n"
    migrations = "SELECT count(*) > 30 FROM django_migrations"
    assert postgres.psql(migrations, "new") == "t"


def test_an_extension_that_the_site_needs_is_named_before_anything_is_restored(
    move, postgres
):
    postgres.psql("ALTER TABLE customer ADD home heroku_ext.earth", "old")
    said = move()
    assert 'type "heroku_ext.earth" does not exist' in said
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, "new") == "0"
    postgres.psql("CREATE EXTENSION earthdistance SCHEMA heroku_ext", "new")
    said = move()
    assert postgres.psql("SELECT name FROM customer", "new") == "Ada", said
