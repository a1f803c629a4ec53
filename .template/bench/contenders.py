"""The projects that are compared. run puts acceptance/ on the path."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import heroku
from project import Project

HERE = Path(__file__).resolve().parent

# What Heroku's router sends. No Accept-Encoding, so that all send the same bytes.
HEADERS = {
    "Host": heroku.HOST,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101",
    "X-Request-Id": "4d2a1c5e-8f0b-4b43-9a3c-5e6f7a8b9c0d",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Request-Start": "1700000000000",
    "Via": "1.1 vegur",
}
# What is added to a contender's own settings and URLs.
SETTINGS = """
INSTALLED_APPS = ["bench_overlay", "django.contrib.sites", *INSTALLED_APPS]
TEMPLATES[0]["OPTIONS"]["builtins"] = ["django.templatetags.static"]
"""
URLS = """
from bench_overlay import pages
urlpatterns += pages.urlpatterns
"""


class Contender(Project):
    """A project with the pages of overlay/, built, with a database of its own.

    A peer shows the home page of this project, and has the same Python.
    """

    def __init__(self, source, folder, database_url):
        super().__init__(source, folder, DJANGO_SECRET_KEY="0123456789abcdef" * 4)
        self.name = folder.name
        overlay = self.folder / "bench_overlay"
        shutil.copytree(HERE / "overlay", overlay)
        for name in ("templates", "static"):
            shutil.copytree(heroku.ROOT / name, overlay / name, dirs_exist_ok=True)
        self.write(overlay / "static/bench/site.css", "p { color: #123456 }\n" * 476)
        self.write(overlay / "static/bench/image.png", bytes(100_000))
        [settings] = self.folder.glob("*/settings.py")
        self.append(settings, SETTINGS)
        self.append(settings.with_name("urls.py"), URLS)
        shutil.copy(heroku.ROOT / ".python-version", self.folder)
        if "\npsycopg" not in heroku.read(self.folder / "requirements.txt"):
            self.append("requirements.txt", "\npsycopg[binary]\n")
        self.build(DATABASE_URL=database_url)
        self.run("python manage.py migrate")

    def pages(self):
        """Return the path of each page by its name."""
        folder = self.slug / "staticfiles/bench"
        [style] = folder.glob("site.*.css")
        [image] = folder.glob("image.*.png")
        return {
            "stylesheet": f"/static/bench/{style.name}",
            "image": f"/static/bench/{image.name}",
            "home page": "/bench/home",
            "one-query page": "/bench/query",
        }


def wrk(dyno, path, seconds):
    """Drive one page; return requests a second and the times of 50 and 99 % in ms.

    Anything but its 200s ends the run.
    """
    answer = heroku.Client(dyno.port).get(path, **HEADERS)
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--timeout", "20s"]
    for name, value in HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", HERE / "wrk.lua", f"http://127.0.0.1:{dyno.port}{path}"]
    report = subprocess.check_output(command, text=True)
    *figures, errors = json.loads(report.splitlines()[-1])
    if answer.status != 200 or errors:
        log = dyno.log[-2000:]
        raise RuntimeError(f"{path}: {answer.status}, {errors} errors\n{log}")
    return figures


def memory(dyno):
    """Return the PSS of all processes of a dyno in MB."""
    pids = subprocess.check_output(["pgrep", "-s", str(dyno.process.pid)], text=True)
    total = 0
    for pid in pids.split():
        rollup = heroku.read(Path("/proc", pid, "smaps_rollup"))
        total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
    return total / 1024
