"""docs/moving-in.md as commands and changes, and projects that move in."""

import re
import shutil

import heroku
from projects import ME, call, change

FOLDER = heroku.ROOT / ".template/acceptance/moving"
TEXT = (heroku.ROOT / "docs/moving-in.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", TEXT, re.MULTILINE))


def blocks(section, language):
    """Return the code blocks of a section."""
    return re.findall(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)


def line(section, start):
    """Return the line of code within a text that begins so."""
    return re.search(rf"`({start}[^`]+)`", SECTIONS[section])[1]


def apply(project, section, number=0):
    """Change files by a diff in the document, which must fit exactly."""
    text = blocks(section, "diff")[number].replace("NAME", project.name)
    for file, hunk in re.findall(r"^--- (.+)\n((?:(?!--- ).*\n)+)", text, re.MULTILINE):
        lines = hunk.splitlines()
        before = [line[1:] for line in lines if line[0] in " -"]
        after = [line[1:] for line in lines if line[0] in " +"]
        change(project / file, ("\n".join(before), "\n".join(after)))


def follow(project, section, number=0, **more):
    """Run a block of commands in a project as its owner does; return what is said.

    `heroku` is no more than the config var of the database.
    """
    command = blocks(section, "sh")[number].replace("NAME", project.name)
    shell = 'heroku() { echo "$HEROKU_DATABASE_URL"; }\n' + command
    local = {"DJANGO_LOCAL": "1", **ME, **more}
    local["PATH"] = f"{project}/.venv/bin:{heroku.shell()['PATH']}"
    return call("bash", "-euc", shell, cwd=project, **local)


def startproject(name, folder, python, apps):
    """Make a project of a shape that there was before this template."""
    project = folder / name
    project.mkdir(parents=True)
    call(python, "-m", "django", "startproject", name, ".", cwd=project)
    for app in apps:
        call(python, "manage.py", "startapp", app, cwd=project)
    shutil.copytree(FOLDER / name, project, dirs_exist_ok=True)
    settings = project / name / "settings.py"
    more = project / name / "more_settings.py"
    text = settings.read_text() + (FOLDER / "old_settings.py").read_text()
    settings.write_text(text + more.read_text())
    more.unlink()
    if name == "gallery":  # from before there was a DEFAULT_AUTO_FIELD
        for path in [settings, *project.glob("*/apps.py")]:
            text = re.sub("(?im)^ *default_auto_field = .*\n", "", path.read_text())
            path.write_text(text)
    call(python, "manage.py", "makemigrations", cwd=project)
    return project
