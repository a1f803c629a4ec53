"""The README's tables of config vars name what the code reads, and nothing else.

The commands in the pages exist, and a backup is restored as they say.
"""

import json
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path

import heroku
import parts
import pytest
import recipes
from deployment import OWNER
from heroku import ROOT
from projects import call, install, run
from scripts import blocks, serving

CODE = [*ROOT.glob("mysite/**/*.py"), *ROOT.glob("dyno/**/*.py")]
CODE += [ROOT / "gunicorn.conf.py", ROOT / "manage.py"]

READ = re.compile(
    r'environ(?:\.get\(|\.whole_number\(|\[)\s*"(\w+)"(?!\] =)'
    r'|"(\w+)" (?:not )?in (?:os\.)?environ\b'
)
# Django's own, which names no value of a server, and WSGI's, whose environ is not ours.
OTHERS = re.compile(
    "DJANGO_SETTINGS_MODULE|HTTP_.+|CONTENT_LENGTH|PATH_INFO|REMOTE_ADDR|REQUEST_METHOD"
)


def test_the_readmes_tables_have_each_config_var_that_the_code_reads_once():
    code = "".join(path.read_text() for path in CODE)
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## Config vars\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (`.+?) \|", section)
    table = [name for row in rows for name in re.findall(r"`([A-Z0-9_*]+)`", row)]
    assert len(table) == len({*table})
    for name in {first or second for first, second in READ.findall(code)}:
        known = any(fnmatchcase(name, pattern) for pattern in table)
        assert known or OTHERS.fullmatch(name), name
    for pattern in table:
        assert '"' + pattern.rstrip("*") in code, pattern


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_each_command_in_the_pages_is_one_of_herokus_cli():
    path = heroku.node_modules("cli") / "heroku/oclif.manifest.json"
    flags = {}
    for name, details in json.loads(path.read_text())["commands"].items():
        for alias in (name, *details["aliases"], *details["hiddenAliases"]):
            flags[alias] = {*details["flags"]}
    found = [block for page in PAGES for block in blocks(page.read_text(), "sh")]
    text = "\n".join(found).replace("\\\n", " ")
    commands = re.findall(r"(?m)(?:^| \")heroku ([a-z].*)", text)
    assert commands
    for command in commands:
        own = re.split("  | python ", command)[0]
        assert {*re.findall(r" --([\w-]+)", own)} <= flags[own.split()[0]], command


@pytest.fixture
def live(postgres, pushed):
    """The URL of a released site's database, with the extensions that Heroku's have."""
    url = postgres.create("live")
    site = pushed.app(DATABASE_URL=url).release()
    site.run("python manage.py createsuperuser --noinput", **OWNER)
    postgres.psql("CREATE SCHEMA heroku_ext", "live")
    postgres.psql("GRANT USAGE ON SCHEMA heroku_ext TO dyno", "live")
    for name in ("pg_stat_statements", "citext"):
        postgres.psql(f"CREATE EXTENSION {name} SCHEMA heroku_ext", "live")
    return url


@pytest.fixture
def path(tmp_path):
    """The PATH of somebody who has PostgreSQL's programs."""
    programs = Path(parts.need("pg_restore")).parent
    return f"{tmp_path}:{programs}:{os.environ['PATH']}"


def test_a_backup_is_restored_and_the_site_runs_on_it(
    live, path, postgres, copy_project, tmp_path
):
    commands = blocks(recipes.sections("growing.md")["Backups"], "sh")[1]
    download, *restore, serve = commands.splitlines()
    assert download.startswith("heroku pg:backups:download ")
    assert serve.endswith(" bin/run")

    # Heroku makes the backup by pg_dump, in the custom format.
    dump = ("pg_dump", "-Fc", "--file=latest.dump", live)
    call(*dump, cwd=tmp_path, PATH=path)

    # On the owner's machine, where these name the server and the role.
    there = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "dyno"}
    there |= {"PGPASSWORD": parts.PASSWORD}
    postgres.drop("rehearsal")
    for command in restore:
        call("sh", "-c", command, cwd=tmp_path, PATH=path, **there)
    project = copy_project("laptop").folder
    install(project)
    restored = serve.removesuffix(" bin/run").removeprefix("DATABASE_URL=")
    with serving(project, "bin/run", DATABASE_URL=restored, **there):
        assert postgres.psql("SELECT username FROM mysite_user", "rehearsal") == "root"


def test_the_data_moves_to_a_role_of_few_rights_and_all_of_them_or_none(
    live, path, postgres, tmp_path
):
    for sql in (
        "CREATE EXTENSION earthdistance SCHEMA heroku_ext CASCADE",
        "CREATE TABLE customer (name heroku_ext.citext UNIQUE, home heroku_ext.earth)",
        "INSERT INTO customer VALUES ('Ada')",
        "ALTER TABLE customer OWNER TO dyno",
        "COMMENT ON TABLE customer IS 'Each EXTENSION counts'",
    ):
        postgres.psql(sql, "live")
    postgres.psql("CREATE ROLE mover LOGIN PASSWORD 'p'")
    postgres.psql("CREATE DATABASE new OWNER mover")
    url = f"postgres://mover:p@127.0.0.1:{postgres.port}/new"
    (tmp_path / "heroku").write_text(f"#!/bin/sh\necho '{live}'\n")  # config:get
    (tmp_path / "heroku").chmod(0o755)
    [commands] = blocks(recipes.sections("leaving.md")["Move the data"], "sh")
    move = ("sh", "-c", commands)
    options = {"cwd": tmp_path, "PATH": path, "NEW_DATABASE_URL": url}

    # An extension that the site needs is named before anything is restored.
    assert 'type "heroku_ext.earth" does not exist' in run(*move, **options).stdout
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, "new") == "0"
    postgres.psql("CREATE EXTENSION earthdistance SCHEMA heroku_ext", "new")
    said = run(*move, **options).stdout
    assert 'permission denied to create extension "pg_stat_statements"' in said
    customer = "SELECT name FROM customer WHERE name = 'ADA'"
    assert call("psql", "-XAtc", customer, url, **options) == "Ada\n", said
    migrations = "SELECT count(*) > 30 FROM django_migrations"
    assert postgres.psql(migrations, "new") == "t"
