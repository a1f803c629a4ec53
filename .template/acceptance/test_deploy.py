"""`git push heroku master`, and what visitors meet before, while and after."""

import http.client
import re
import shutil
import subprocess
import threading
from urllib.parse import urlencode

import heroku
import parts
import pytest
from app import App

PASSWORD = "correct horse battery staple"


class Owner:
    """Somebody with a clone of the project and an app on the platform."""

    def __init__(self, folder, app):
        self.folder, self.app = folder, app
        heroku.commit(folder, "Start")
        self.git("remote", "add", "heroku", app.remote)

    def git(self, *words):
        command = ["git", *map(str, words)]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=300
        )

    def change(self, name, old, new):
        """Change the text of a file and commit it."""
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def write(self, name, text):
        """Write a file and commit it."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)
        heroku.commit(self.folder, f"Change {name}")

    def push(self):
        """Return whether `git push heroku master` succeeded, and what it said."""
        result = self.git("push", "heroku", "master")
        return result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def owner(source, postgres, secret_key, tmp_path_factory):
    """An owner who has pushed once, and made a superuser."""
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copytree(source, folder / "project")
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("deploy"),
    }
    with parts.HAProxy() as router, App(folder, router, config_vars) as app:
        owner = Owner(folder / "project", app)
        succeeded, owner.first_push = owner.push()
        assert succeeded, owner.first_push
        create = "python manage.py createsuperuser --noinput --username ada"
        more = {"DJANGO_SUPERUSER_EMAIL": "ada@example.com"}
        more |= {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        heroku.run(app.live, config_vars, create, **more)
        yield owner


def browser(router):
    return heroku.Client(router.tls_port, certificate=router.certificate)


@pytest.fixture
def visitor(owner):
    """Somebody with a browser, on HTTPS."""
    return browser(owner.app.router)


@pytest.fixture
def owner_goes_back(owner):
    """Undo afterwards what a test committed and configured."""
    head = owner.git("rev-parse", "HEAD").stdout.strip()
    config_vars = dict(owner.app.config_vars)
    yield
    owner.git("reset", "--hard", head)
    owner.app.config_vars = config_vars


def test_a_push_says_each_step(owner):
    steps = [
        "Using Python 3.",
        "$ python manage.py collectstatic --noinput",
        "Running release command...",
        "Applying sessions.0001_initial... OK",
        "Released v1",
    ]
    found = [owner.first_push.find(step) for step in steps]
    assert -1 not in found and found == sorted(found), owner.first_push


def test_a_visitor_on_http_is_sent_to_https(owner):
    visitor = heroku.Client(owner.app.router.port, visitor=True)
    answer = visitor.get("/page?a=b")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{heroku.HOST}/page?a=b"


def test_the_page_and_its_assets_are_served(visitor):
    small = visitor.get("/", Accept_Encoding="gzip, br")
    assert small.headers["Content-Encoding"] == "gzip"
    page = visitor.get("/")
    assert page.status == 200 and "Hello from Django" in page.text
    assert page.headers["Strict-Transport-Security"]
    assets = {*re.findall(r'"(/static/[^"]+)"', page.text)}
    assert {path.rpartition(".")[2] for path in assets} == {"css", "js", "svg"}
    for path in assets:
        assert re.search(r"\.[0-9a-f]{12}\.", path), "not named by its content"
        asset = visitor.get(path, Accept_Encoding="gzip, br")
        assert asset.status == 200
        assert "immutable" in asset.headers["Cache-Control"]


def test_assets_are_compressed_as_the_browser_asks(visitor):
    path = re.search(r'"(/static/[^"]+css)"', visitor.get("/").text)[1]
    plain = visitor.get(path)
    assert plain.headers["Content-Encoding"] is None
    for encoding in ("br", "gzip"):
        small = visitor.get(path, Accept_Encoding=encoding)
        assert small.headers["Content-Encoding"] == encoding
        assert small.headers["Vary"] == "Accept-Encoding"
        assert len(small.body) < len(plain.body) / 2


def test_all_that_the_site_needs_is_there_over_tls(owner, postgres, visitor):
    ready = visitor.get("/ready")
    assert ready.status == 200 and '"database": "ok"' in ready.text
    sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
    assert postgres.psql(f"{sql} WHERE datname = 'deploy'", "postgres") == "t"


def test_the_admin_lets_in_who_knows_the_password(visitor):
    page = visitor.get("/admin/login/?next=/admin/")
    token = re.search('name="csrfmiddlewaretoken" value="(.+?)"', page.text)[1]
    form = {"csrfmiddlewaretoken": token, "username": "ada", "next": "/admin/"}

    def log_in(password):
        body = urlencode(form | {"password": password})
        path = f"https://{heroku.HOST}/admin/login/"
        return visitor.post("/admin/login/", body, Referer=path)

    assert "correct username" in log_in("wrong").text
    answer = log_in(PASSWORD)
    assert answer.status == 302 and answer.headers["Location"] == "/admin/"
    assert visitor.cookies["__Host-sessionid"]["secure"]
    assert "Site administration" in visitor.get("/admin/").text


class Crowd:
    """Visitors who ask for the page all the while, half of them on kept connections."""

    def __init__(self, router, size=4):
        self.router, self.answers, self.failures = router, [], []
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self.visit, args=[number % 2])
            for number in range(size)
        ]

    def visit(self, keeps):
        client = browser(self.router)
        while not self.over.wait(0.02):
            try:
                self.answers.append(client.get("/"))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                client = browser(self.router)
            if not keeps:
                client = browser(self.router)

    def wait_for(self, count, seconds=30):
        """Return once so many more requests were answered."""
        until = len(self.answers) + count
        parts.wait_until(lambda: len(self.answers) >= until, seconds)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_a_restart_fails_none_of_ten_thousand_requests(owner):
    with Crowd(owner.app.router, size=12) as crowd:
        crowd.wait_for(100)
        owner.app.boot(owner.app.live)
        crowd.wait_for(10_000 - len(crowd.answers), seconds=120)
    assert len(crowd.answers) >= 10_000
    assert not crowd.failures
    assert {answer.status for answer in crowd.answers} == {200}


def test_a_changed_line_is_pushed_and_no_request_fails(owner):
    owner.change("templates/home.html", "Hello from Django", "Hello from Ada")
    with Crowd(owner.app.router) as crowd:
        crowd.wait_for(20)
        succeeded, output = owner.push()
        crowd.wait_for(20)
    assert succeeded, output
    assert "Hello from Django" in crowd.answers[0].text
    assert all("Hello from Ada" in answer.text for answer in crowd.answers[-10:])
    assert not crowd.failures
    assert {answer.status for answer in crowd.answers} == {200}


def refused(owner, visitor, cause):
    """Assert that a push is refused for this cause, and that nothing else changed."""
    live, dynos = owner.app.live, owner.app.dynos
    before = visitor.get("/").text
    succeeded, output = owner.push()
    assert not succeeded
    assert cause in output and "pre-receive hook declined" in output
    assert (owner.app.live, owner.app.dynos) == (live, dynos)
    after = visitor.get("/")
    time = r"\d\d:\d\d:\d\d"
    assert re.sub(time, "", after.text) == re.sub(time, "", before)
    assert visitor.get("/ready").status == 200
    return output


def test_a_static_file_that_is_not_there_is_refused(owner, visitor, owner_goes_back):
    owner.change("templates/home.html", "'site.js'", "'no-such-file.js'")
    refused(owner, visitor, "no-such-file.js")


def test_a_migration_that_fails_is_refused(owner, visitor, owner_goes_back, postgres):
    tables = postgres.psql("SELECT count(*) FROM pg_tables", "deploy")
    migration = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mysite", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TABLE half_done ()"),
        migrations.RunSQL("SELECT no_such_column FROM half_done"),
    ]
"""
    owner.write("mysite/migrations/0002_broken.py", migration)
    output = refused(owner, visitor, "no_such_column")
    assert "Applying mysite.0002_broken..." in output
    assert "A migration failed: " in output
    assert "The release that was live stays live." in output
    assert postgres.psql("SELECT count(*) FROM pg_tables", "deploy") == tables


def test_a_missing_secret_key_is_refused(owner, visitor, owner_goes_back):
    owner.app.config_vars = owner.app.config_vars | {}
    del owner.app.config_vars["DJANGO_SECRET_KEY"]
    owner.change("templates/home.html", "Hello", "Good day")
    output = refused(owner, visitor, "DJANGO_SECRET_KEY is not set")
    assert "heroku config:set DJANGO_SECRET_KEY=" in output
    assert "heroku releases:retry" in output


def test_a_first_push_needs_no_config_var(source, tmp_path):
    shutil.copytree(source, tmp_path / "project")
    with parts.HAProxy() as router, App(tmp_path, router, {}) as app:
        succeeded, output = Owner(tmp_path / "project", app).push()
        assert succeeded, output
        answers = [browser(router).get("/") for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4
        ready = browser(router).get("/ready").text
    assert '"database": "none"' in ready
