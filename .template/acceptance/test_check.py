"""bin/check says what a push would bring, step by step; so does it in CI."""

import os
import re

from projects import append, call, change, run

STEPS = ["Config vars", "Static files", "Deployment", "Pages", "Tests", "Lint"]


def steps(said):
    """Return what bin/check says in each step, by the step's name."""
    parts = re.split(rf"(?m)^==> ({'|'.join(STEPS)})", said)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def failed(project):
    """Run bin/check, which goes on to its end; return its steps and its last line."""
    result = run("bin/check", cwd=project)
    assert result.returncode != 0
    found = steps(result.stdout)
    assert [*found] == STEPS
    return found, result.stdout.splitlines()[-1].removeprefix("==> Failed: ")


def test_a_new_project_passes_each_step_and_is_left_as_it_was(project):
    of_this_machine = {"DJANGO_LOCAL": "1", "DJANGO_SECRET_KEY": "short"}
    said = call("bin/check", cwd=project, REDIS_URL="nonsense", **of_this_machine)
    assert [*steps(said)] == STEPS
    assert said.endswith("==> Everything is in order\n")
    assert not call("git", "status", "--porcelain", cwd=project)
    assert not (project / "staticfiles").exists()


def test_all_steps_run_and_the_last_line_names_those_that_failed(project):
    views = project / "bookshop/views.py"
    change(views, ("import os\n", "import os\nimport re\n"), ("home.html", "hime.html"))
    append(project / "bookshop/models.py", "\n    age = models.IntegerField()\n")
    change(project / "templates/home.html", ("'site.js'", "'sitee.js'"))
    runserver = "web: python manage.py runserver"
    change(project / "Procfile", ("web: gunicorn", runserver))
    found, last = failed(project)
    assert last == "Deployment, Pages, Tests, Lint"
    assert "E025" in found["Deployment"]
    assert "Field 'age' on model 'user' not migrated" in found["Deployment"]
    assert "names sitee.js, which does not exist" in found["Deployment"]
    assert "fails. TemplateDoesNotExist: hime.html" in found["Pages"]
    assert "hime.html" in found["Tests"]
    assert "F401" in found["Lint"]


def test_what_only_the_build_would_find_is_found(project):
    (project / "static/more.css").write_text("a { background: url(no.png) }\n")
    found, last = failed(project)
    assert last.startswith("Static files, ")
    assert "no.png" in found["Static files"]


PACKAGE = """from django.db import models

class Post(models.Model):
    word = models.CharField(max_length=9)
    class Meta:
        app_label = "package"
"""


def add_package(venv):
    """Install a package that has a model and no migration, as pip would."""
    [folder] = venv.glob("lib/python3*/site-packages")
    append(folder / "package/migrations/__init__.py", "")
    append(folder / "package/models.py", PACKAGE)


def test_a_package_must_be_in_the_lock_but_its_migrations_are_not_the_owners(project):
    app = ('    "dyno",\n', '    "dyno",\n    "package",\n')
    change(project / "bookshop/settings.py", app)
    add_package(project / ".venv")  # as pip install does
    add_package(project / ".venv/production")  # of a lock that is gone
    append(project / "requirements.txt", "# changed")
    found, last = failed(project)
    assert "No module named 'package'" in found["Deployment"]
    assert last == "Static files, Deployment, Pages"
    add_package(project / ".venv/production")
    said = call("bin/check", cwd=project)
    assert "==> Installing" not in said
    assert "The page / answers 200" in said
    assert "Everything is in order" in said


MIGRATION = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookshop", "0001_initial")]
    operations = [migrations.RunSQL("CREATE EXTENSION pg_trgm")]
"""


def test_migrations_for_postgresql_are_visited_there(project, postgres):
    (project / "bookshop/migrations/0002_trgm.py").write_text(MIGRATION)
    said = run("bin/check", cwd=project).stdout
    assert "No page is visited. The migrations do not run on SQLite: near" in said
    assert "Pages" not in said.splitlines()[-1]
    url = postgres.create("owner")
    said = call("bin/check", cwd=project, DATABASE_URL=url)
    assert "The page / answers 200" in said
    assert "Everything is in order" in said
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, "owner") == ""
    databases = postgres.psql("SELECT datname FROM pg_database")
    assert "test_owner" not in databases


# In place of Heroku's CLI: it prints the file `vars`.
CLI = '#!/bin/sh\n[ "$*" = "config --shell --app shop" ] && cat vars\n'
URL = "DATABASE_URL='postgres://me:p&s$s@db.example.com/name?sslmode=require'\n"


def test_the_config_vars_of_an_app_are_checked_in_place_of_made_up_ones(project):
    (project / "heroku").write_text(CLI)
    (project / "heroku").chmod(0o755)
    check = ("bin/check", "shop")
    path = f"{project}:{os.environ['PATH']}"
    said = run(*check, cwd=project, PATH=path).stdout
    assert said.endswith("==> Failed: Config vars of shop\n")
    (project / "vars").write_text(URL)
    said = run(*check, cwd=project, PATH=path).stdout
    assert "deploy.E001" in said and "deploy.W014" in said
    assert said.endswith("==> Failed: Deployment\n")
    assert "Pages" not in steps(said)
    append(project / "vars", f"DJANGO_SECRET_KEY='{5 * '0123456789'}'")
    said = call(*check, cwd=project, PATH=path)
    assert said.endswith("==> Everything is in order\n")


def test_one_command_puts_the_workflow_and_dependabot_in_place(project):
    text = (project / "docs/github/workflows/check.yml").read_text()
    command = re.search(r"mkdir -p \.github.*", text)[0]
    call("sh", "-c", command, cwd=project)
    workflow = (project / ".github/workflows/check.yml").read_text()
    assert "python-version-file: .python-version" in workflow
    assert "- run: bin/check\n" in workflow
    dependabot = (project / ".github/dependabot.yml").read_text()
    assert dependabot.count("package-ecosystem: ") == 3
