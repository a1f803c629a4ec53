"""bin/check says what a push would bring, step by step; so does it in CI."""

import os
import re
import shutil

import heroku
import pytest
from projects import append, call, change, install, make_bookshop, run

STEPS = ["Config vars", "Static files", "Deployment", "Pages", "Tests", "Lint"]
TEST = 'def test_home(client):\n    assert client.get("/").status_code == 200\n'


@pytest.fixture(scope="module")
def made(repository, tmp_path_factory):
    """A project with a test of its owner's: leave it as it is."""
    project = make_bookshop(repository, tmp_path_factory.mktemp("projects"))
    (project / "tests/test_owner.py").write_text(TEST)
    heroku.commit(project, "Start")
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy of the project that a test may change."""
    folder = shutil.copytree(made, tmp_path / "bookshop")
    install(folder)
    return folder


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
    views = project / "bookshop/views.py"
    change(views, ("import os\n", "import os\nimport pytest\n"))
    found, last = failed(project)
    assert last == "Static files, Deployment, Pages, Tests, Lint"
    assert "no.png" in found["Static files"]
    assert "No module named 'pytest'" in found["Deployment"]


TUTORIAL = """from django.db import models
from django.urls import reverse


class Post(models.Model):
    title = models.CharField(max_length=200, null=True, help_text='LONG')

    def get_absolute_url(self):
        return reverse('home')

    def has_title(self):
        if self.title:
            return True
        else:
            return False
"""


def test_what_tutorials_write_passes_the_lint(project):
    (project / "bookshop/post.py").write_text(TUTORIAL.replace("LONG", 99 * "a"))
    call(project / ".venv/bin/ruff", "check", ".", cwd=project)


PACKAGE = """from django.db import models

class Post(models.Model):
    word = models.CharField(max_length=9)
    class Meta:
        app_label = "package"
"""


def add_package(venv):
    """Install a package that has a model and no migration, as pip would."""
    (folder,) = (venv / "lib").glob("python3*/site-packages")
    (folder / "package/migrations").mkdir(parents=True)
    (folder / "package/migrations/__init__.py").touch()
    (folder / "package/__init__.py").touch()
    (folder / "package/models.py").write_text(PACKAGE)


def test_a_package_must_be_in_the_lock_but_its_migrations_are_not_the_owners(project):
    settings = project / "bookshop/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "package",\n'))
    add_package(project / ".venv")  # as pip install does
    found, last = failed(project)
    assert "No module named 'package'" in found["Deployment"]
    assert last == "Static files, Deployment, Pages"
    add_package(project / ".venv/production")
    said = call("bin/check", cwd=project)
    assert "==> Installing" not in said
    assert "The page / answers 200" in said
    assert "Everything is in order" in said
    append(project / "requirements.txt", "# changed")
    said = run("bin/check", cwd=project).stdout
    assert "==> Making .venv/production" in said
    assert "No module named 'package'" in said


QUERY = (
    ("import os\n", "import os\n\nfrom django.contrib.auth import get_user_model\n"),
    ("    release = ", "    get_user_model().objects.get()\n    release = "),
)


def test_a_page_that_needs_data_passes_without_visits(project):
    change(project / "bookshop/views.py", *QUERY)
    said = run("bin/check", cwd=project).stdout
    assert "The page / fails. DoesNotExist: User matching query" in said
    assert 'bookshop/views.py\\", line ' in said  # in the traceback of the log
    append(project / "bookshop/settings.py", "RELEASE_VISITS = []\n")
    said = run("bin/check", cwd=project).stdout
    assert "RELEASE_VISITS is empty" in said
    assert "Pages" not in said.splitlines()[-1]


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
    assert not postgres.psql(
        "SELECT tablename FROM pg_tables WHERE tablename = 'django_migrations'", "owner"
    )
    names = postgres.psql("SELECT datname FROM pg_database", "owner")
    assert "test_owner" not in names
    postgres.drop("owner")


# In place of Heroku's CLI: it notes its arguments, and prints the file `vars`.
CLI = '#!/bin/sh\ncd "${0%/*}"\necho "$*" >>calls\ncat vars\n'
APP = """DJANGO_SECRET_KEY='KEY'
DATABASE_URL='postgres://me:p&s$s@db.example.com/name?sslmode=require'
"""


def test_the_config_vars_of_an_app_are_checked_in_place_of_made_up_ones(project):
    folder = project.parent / "cli"
    folder.mkdir()
    (folder / "heroku").write_text(CLI)
    (folder / "heroku").chmod(0o755)

    def check():
        path = f"{folder}:{os.environ['PATH']}"
        return run("bin/check", "shop", cwd=project, PATH=path)

    (folder / "vars").write_text(APP.replace("KEY'", 5 * "0123456789" + "'"))
    result = check()
    assert result.returncode == 0 and "deploy.W014" in result.stdout
    assert "Pages" not in steps(result.stdout)
    assert (folder / "calls").read_text() == "config --shell --app shop\n"
    (folder / "vars").write_text(APP)
    result = check()
    assert result.returncode and "deploy.E001" in result.stdout
    (folder / "vars").unlink()
    result = check()
    assert result.returncode
    assert result.stdout.endswith("==> Failed: Config vars of shop\n")


def test_one_command_puts_the_workflow_and_dependabot_in_place(project):
    text = (project / "docs/github/workflows/check.yml").read_text()
    command = re.search(r"mkdir -p \.github.*", text)[0]
    call("sh", "-c", command, cwd=project)
    workflow = (project / ".github/workflows/check.yml").read_text()
    assert "python-version-file: .python-version" in workflow
    assert "- run: bin/check\n" in workflow
    dependabot = (project / ".github/dependabot.yml").read_text()
    for watched in ("pip", "github-actions", "docker"):
        assert f"package-ecosystem: {watched}\n" in dependabot
