"""`.env` is data, and whoever made it, a line that sets nothing is named."""

import json
import re

import heroku
import pytest
from projects import call
from scripts import POWERSHELL, installed, refused, serving


@pytest.fixture
def project(source, tmp_path):
    """A copy of the repository whose .venv is installed already."""
    return installed(source, tmp_path / "project")


# What a shell would run, expand or stumble over.
AS_IT_IS = """
  # A comment
PLAIN=postgres://u:p@db/name?sslmode=require&channel_binding=require
SPACES=a b; touch made (c) | d < e
CALLS=`touch made` $(touch made) $HOME ${HOME}
QUOTED='a#b "c" $HOME' # a comment
DOUBLE="it's # here"
APOSTROPHE=it's
COMMENT=value # of a line
EMPTY=
NOTHING= # but a comment
"""


NAMES = re.findall(r"^([A-Z]+)=", AS_IT_IS, re.MULTILINE)


SHOW = "import json, os, sys; print(json.dumps([os.environ[n] for n in sys.argv[1:]]))"


def test_the_env_file_is_data_and_herokus_own_cli_reads_the_same(project):
    (project / ".env").write_text(AS_IT_IS)
    (project / "show.py").write_text(SHOW)
    show = [str(project / ".venv/bin/python"), "show.py", *NAMES]
    evaluated = 'set -eu; sets=$(bin/dotenv); eval "$sets"; exec "$@"'
    said = call("sh", "-c", evaluated, "sh", *show, cwd=project)
    ours = dict(zip(NAMES, json.loads(said), strict=True))
    assert ours["CALLS"] == "`touch made` $(touch made) $HOME ${HOME}"
    assert ours["PLAIN"].endswith("&channel_binding=require")
    cli = heroku.node_modules("cli") / ".bin/heroku"
    home = {"HOME": str(project.parent), "HEROKU_DISABLE_UPDATE": "1"}
    said = call(cli, "local:run", "--", *show, cwd=project, **home)
    theirs = json.loads(said[said.index('["') :])
    assert theirs == [*ours.values()]
    assert not (project / "made").exists()


def test_the_site_runs_with_what_a_windows_editor_wrote(project):
    text = (
        "\ufeffNOTE=(a `touch made`); touch made\r\nexport DJANGO_LOG_LEVEL=DEBUG\r\n"
    )
    (project / ".env").write_bytes(text.encode())
    text = (project / "Procfile").read_text()
    (project / "Procfile").write_bytes(text.replace("\n", "\r\n").encode())
    with serving(project, "bin/run") as log:
        assert "not found" not in log
        assert "level=debug" in log
    assert not (project / "made").exists()


@pytest.mark.parametrize(
    "line",
    [
        *("a sentence", "A-B=s3cret", "A=s3cret#x", "A='s3cret", "A='s3cret'x"),
        *('{"A": "s3cret"}', "=s3cret", "A='s3cret\n'", "Ä=s3cret"),
    ],
)
def test_a_line_of_the_env_file_that_sets_nothing_is_named(project, line):
    (project / ".env").write_text(f"OTHER=1\n\n{line}\n")
    said = refused(project, "bin/run")
    assert "Line 3 of .env is not NAME=value. Fix: " in said
    assert "s3cret" not in said


@pytest.mark.parametrize("content", [*POWERSHELL, "A=é".encode("latin-1")])
def test_an_env_file_of_another_encoding_is_named(project, content):
    (project / ".env").write_bytes(content)
    assert ".env is not UTF-8: PowerShell" in refused(project, "bin/run")
