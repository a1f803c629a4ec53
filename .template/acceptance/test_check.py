"""bin/check says what a push would bring, step by step; so does it in CI."""

import os
import re
import shutil

import heroku
import pytest
from projects import archive, call, change, install, run, start

STEPS = ["Config vars", "Static files", "Deployment", "Pages", "Tests", "Lint"]
TEST = "def test_home_page(client):\n    assert client.get('/').status_code == 200\n"


@pytest.fixture(scope="module")
def made(repository, tmp_path_factory):
    """A project with a test of its owner's: leave it as it is."""
    folder = tmp_path_factory.mktemp("projects")
    template = archive(repository, folder / "template.zip")
    project = start(template, "bookshop", folder / "made")
    (project / "tests/test_owner.py").write_text(TEST.replace("'", '"'))
    heroku.commit(project, "Start")
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy of the project that a test may change."""
    folder = shutil.copytree(made, tmp_path / "bookshop")
    install(folder)
    return folder


def steps(said):
    """Return the names of the steps that bin/check began."""
    return [name for name in STEPS if f"==> {name}" in said]


def failed(said):
    """Return the names of the steps that failed, as the last line lists them."""
    return said.splitlines()[-1].removeprefix("==> Failed: ").split(", ")


def test_a_new_project_passes_each_step_and_is_left_as_it_was(project):
    said = call("bin/check", cwd=project)
    assert steps(said) == STEPS
    assert said.endswith("==> Everything is in order\n")
    assert not call("git", "status", "--porcelain", cwd=project)
    assert not (project / "staticfiles").exists()


def break_lint(project):
    change(project / "bookshop/views.py", ("import os\n", "import os\nimport re\n"))


def break_tests(project):
    change(project / "bookshop/views.py", ("home.html", "hime.html"))


def break_template(project):
    change(project / "templates/home.html", ("'site.js'", "'sitee.js'"))


def break_migrations(project):
    with (project / "bookshop/models.py").open("a") as file:
        file.write("\n    age = models.IntegerField(default=0)\n")


def break_static_files(project):
    (project / "static/more.css").write_text("a { background: url(no.png) }\n")


def break_pages(project):
    change(project / "bookshop/views.py", ("request, ", "request.no_such, "))


def break_packages(project):
    change(project / "bookshop/views.py", ("import os\n", "import os\nimport pytest\n"))


def break_deployment(project):
    change(project / "Procfile", ("web: gunicorn", "web: python manage.py runserver"))


BREAKS = [
    (break_lint, "Lint", "F401"),
    (break_tests, "Tests", "hime.html"),
    (break_migrations, "Deployment", "Add field age to user"),
    (break_static_files, "Static files", "no.png"),
    (break_deployment, "Deployment", "E025"),
    (break_pages, "Pages", "fails. AttributeError: 'WSGIRequest' object has no"),
    (break_packages, "Deployment", "No module named 'pytest'"),
    (break_template, "Deployment", "names sitee.js, which does not exist"),
]


@pytest.mark.parametrize(
    ("break_it", "step", "cause"), BREAKS, ids=[b[0].__name__ for b in BREAKS]
)
def test_all_steps_run_and_the_last_line_names_those_that_failed(
    project, break_it, step, cause
):
    break_it(project)
    result = run("bin/check", cwd=project)
    assert result.returncode != 0
    assert steps(result.stdout) == STEPS
    assert cause in result.stdout.partition(f"\n==> {step}")[2]
    assert step in failed(result.stdout)


def test_several_failures_are_listed_in_the_last_line(project):
    break_lint(project)
    break_deployment(project)
    said = run("bin/check", cwd=project).stdout
    assert said.endswith("\n==> Failed: Deployment, Tests, Lint\n")


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


def test_what_tutorials_and_djangos_commands_write_is_no_failure(project):
    env = {"DJANGO_LOCAL": "1"}
    python = project / ".venv/bin/python"
    call(python, "manage.py", "startapp", "blog", cwd=project, **env)
    settings = project / "bookshop/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "blog",\n'))
    (project / "blog/models.py").write_text(TUTORIAL.replace("LONG", 99 * "a"))
    call(python, "manage.py", "makemigrations", "blog", cwd=project, **env)
    assert "Everything is in order" in call("bin/check", cwd=project)


PACKAGE = """from django.db import models

class Post(models.Model):
    word = models.CharField(max_length=9)
    class Meta:
        app_label = "package"
"""


def add_package(project, *venvs):
    """Install a package that has a model and no migration, as pip would."""
    for venv in venvs:
        (folder,) = (project / venv / "lib").glob("python3*/site-packages")
        (folder / "package/migrations").mkdir(parents=True)
        (folder / "package/migrations/__init__.py").touch()
        (folder / "package/__init__.py").touch()
        (folder / "package/models.py").write_text(PACKAGE)
    settings = project / "bookshop/settings.py"
    change(settings, ('    "dyno",\n', '    "dyno",\n    "package",\n'))


def test_a_package_without_its_migrations_is_not_the_owners_failure(project):
    add_package(project, ".venv", ".venv/production")
    said = call("bin/check", cwd=project)
    assert "The page / answers 200" in said
    assert "Everything is in order" in said


def test_a_package_that_was_only_installed_by_pip_is_refused(project):
    add_package(project, ".venv")
    result = run("bin/check", cwd=project)
    assert "No module named 'package'" in result.stdout
    assert {"Deployment", "Pages"} <= set(failed(result.stdout))
    assert "Tests" not in failed(result.stdout)


def test_the_environment_of_the_deployment_is_kept_until_its_lock_changes(project):
    add_package(project, ".venv", ".venv/production")
    lock = project / "requirements.txt"
    assert "==> Installing" not in call("bin/check", cwd=project)
    lock.write_text(lock.read_text() + "# changed\n")
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
    assert "bookshop/views.py, line " in said
    with (project / "bookshop/settings.py").open("a") as settings:
        settings.write("\nRELEASE_VISITS = []\n")
    said = run("bin/check", cwd=project).stdout
    assert "RELEASE_VISITS is empty" in said
    assert "Pages" not in failed(said)


MIGRATION = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookshop", "0001_initial")]
    operations = [migrations.RunSQL("CREATE EXTENSION pg_trgm")]
"""


def test_migrations_for_postgresql_are_visited_there(project, postgres):
    (project / "bookshop/migrations/0002_trgm.py").write_text(MIGRATION)
    said = run("bin/check", cwd=project).stdout
    assert "No page is visited. The migrations do not run on SQLite: near" in said
    assert "Pages" not in failed(said)
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


def test_the_config_vars_of_this_machine_do_not_count(project):
    more = {"DJANGO_LOCAL": "1", "DJANGO_SECRET_KEY": "short", "REDIS_URL": "nonsense"}
    call("bin/check", cwd=project, **more)


@pytest.fixture
def cli(project):
    """A stand-in for Heroku's CLI, and a function that sets what it says."""
    folder = project.parent / "cli"
    folder.mkdir()
    program = folder / "heroku"
    program.write_text('#!/bin/sh\necho "$*" >>"${0%/*}/calls"\ncat "${0%/*}/vars"\n')
    program.chmod(0o755)

    def says(**config_vars):
        lines = [f"{name}='{value}'\n" for name, value in config_vars.items()]
        (folder / "vars").write_text("".join(lines))
        return f"{folder}:{os.environ['PATH']}"

    says.calls = folder / "calls"
    return says


def test_the_config_vars_of_an_app_are_checked_in_place_of_made_up_ones(project, cli):
    database = "postgres://me:p&s$s@db.example.com/name?sslmode=require"
    path = cli(DJANGO_SECRET_KEY="k" * 20 + "0123456789" * 4, DATABASE_URL=database)
    said = call("bin/check", "shop", cwd=project, PATH=path)
    assert "deploy.W014" in said
    assert "Pages" not in steps(said)
    assert cli.calls.read_text() == "config --shell --app shop\n"
    path = cli(DJANGO_SECRET_KEY="short", DATABASE_URL=database)
    result = run("bin/check", "shop", cwd=project, PATH=path)
    assert result.returncode and "deploy.E001" in result.stdout


def test_an_app_that_cannot_be_asked_fails_the_step_of_its_config_vars(project, cli):
    path = cli()
    (project.parent / "cli/heroku").write_text("#!/bin/sh\necho no app >&2\nexit 1\n")
    result = run("bin/check", "shop", cwd=project, PATH=path)
    assert result.returncode
    last = "no app\n==> Failed: Config vars of shop\n"
    assert result.stdout.endswith(last)


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
