"""The README's tables of config vars name what the code reads, and nothing else.

The commands in the pages exist, and a backup is restored as they say.
"""

import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.request import urlopen

import heroku
import parts
import pytest
from heroku import ROOT
from projects import call, install

CODE = [*ROOT.glob("mysite/**/*.py"), *ROOT.glob("dyno/**/*.py")]
CODE += [ROOT / "gunicorn.conf.py", ROOT / "manage.py"]

# What a key of the config vars looks like where one is read: a text or a constant.
KEY = re.compile(
    r'environ(?:\.get\(|\.whole_number\(|\[)\s*("?\w+"?)(?!"?\] =)'
    r'|("?\w+"?) (?:not )?in (?:os\.)?environ\b'
)
# A module-level constant with the names that a loop reads, and the starts of others.
LOOPS = ("BUCKETS",)
# Django's own, which names no value of a server, and WSGI's, whose environ is not ours.
OTHERS = re.compile(
    r"DJANGO_SETTINGS_MODULE|HTTP_\w+|CONTENT_\w+|PATH|(PATH|SCRIPT)_\w+|REMOTE_ADDR|"
    r"\w+_(METHOD|STRING)"
)


def names_in(text):
    """Return the config vars that code reads; a start of several ends with "_"."""
    keys = [first or second for first, second in KEY.findall(text)]
    constants = re.findall(r"(?m)^([A-Z_]+) = (.+)", text)
    read = [value for name, value in constants if name in (*keys, *LOOPS)]
    found = re.findall(r'"([A-Z][A-Z0-9_]+)"', " ".join([*keys, *read]))
    return {name for name in found if not OTHERS.fullmatch(name)}


def test_the_readmes_tables_have_each_config_var_that_the_code_reads_once():
    read = set().union(*(names_in(path.read_text()) for path in CODE))
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## Config vars\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (`.+?) \|", section)
    table = [name for row in rows for name in re.findall(r"`([A-Z0-9_*]+)`", row)]
    assert len(table) == len({*table})
    for name in read:
        assert any(fnmatchcase(name, pattern) for pattern in table), name
    for pattern in table:
        assert any(fnmatchcase(name, pattern) for name in read), pattern


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_each_command_in_the_pages_is_one_of_herokus_cli():
    path = heroku.node_modules("cli") / "heroku/oclif.manifest.json"
    flags = {}
    for name, details in json.loads(path.read_text())["commands"].items():
        for alias in (name, *details["aliases"], *details["hiddenAliases"]):
            flags[alias] = {*details["flags"]}
    blocks = [re.findall(r"(?s)```sh\n(.*?)```", page.read_text()) for page in PAGES]
    text = "\n".join(sum(blocks, [])).replace("\\\n", " ")
    commands = re.findall(r"(?m)(?:^| \")heroku ([a-z].*)", text)
    assert commands
    for command in commands:
        own = re.split("  | python ", command)[0]
        assert {*re.findall(r" --([\w-]+)", own)} <= flags[own.split()[0]], command


def add_extensions(postgres, database, *names):
    """Add extensions as a superuser does in Heroku's databases."""
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
