"""A copy of this repository that is changed, built, released and run."""

import copy
import shutil
from pathlib import Path

import heroku
from projects import change

REHEARSAL = Path(__file__).parent / "rehearsal"


class Project:
    """A copy of the source, with the config vars of its app; each step returns it.

    project.change("mysite/urls.py", (before, after)).build().release()
    with project.dyno() as dyno: ...
    """

    def __init__(self, source, folder, **config_vars):
        self.folder = folder / "source"
        self.slug = folder / "slug"
        self.config_vars = config_vars
        shutil.copytree(source, self.folder)

    def change(self, name, *pairs):
        """Replace in a file each first text by the second; all must be there."""
        change(self.folder / name, *pairs)
        return self

    def append(self, name, text):
        """Add a text at the end of a file that is there."""
        path = self.folder / name
        path.write_text(path.read_text() + text)
        return self

    def write(self, name, content):
        """Write a file of text or bytes."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return self

    def add_route(self, path, view):
        """Add a path to the site's URLs that leads to a function in views.py."""
        before = '    path("robots.txt"'
        route = f'    path("{path}", views.{view}),\n'
        return self.change("mysite/urls.py", (before, route + before))

    def add_rehearsal(self):
        """Add the pages of a rehearsal, and the settings that have them."""
        shutil.copytree(REHEARSAL, self.folder / "rehearsal")
        self.config_vars["DJANGO_SETTINGS_MODULE"] = "rehearsal.settings"
        return self

    def build(self, **config_vars):
        """Make its slug, as a push does; the config vars stay set."""
        self.config_vars |= config_vars
        heroku.build(self.folder, self.slug, self.config_vars)
        return self

    def release(self, **config_vars):
        """Run its release command; the config vars stay set."""
        self.config_vars |= config_vars
        heroku.release(self.slug, self.config_vars)
        return self

    def app(self, **config_vars):
        """Return another app of the same slug, with some config vars more."""
        app = copy.copy(self)
        app.config_vars = self.config_vars | config_vars
        return app

    def copy_slug(self, folder):
        """Return another app with a copy of the slug, which may be changed."""
        app = self.app()
        app.slug = shutil.copytree(self.slug, folder / "slug", symlinks=True)
        return app

    def dyno(self, name="web.1", command=None, **config_vars):
        """Return a dyno of its slug, a context manager, with some config vars more."""
        return heroku.Dyno(self.slug, self.config_vars | config_vars, name, command)

    def run(self, command, **environ):
        """Return what a one-off command says."""
        return heroku.run(self.slug, self.config_vars, command, **environ)
