"""What a person sees in Chromium: on a laptop by bin/run, and on a dyno."""

import os
import re
import subprocess
from pathlib import Path

import heroku
import parts
import pytest

ARTEFACTS = Path(os.environ.get("ARTEFACTS", heroku.ROOT / ".template/artefacts"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A newcomer's copy of the repository."""
    return heroku.checkout(tmp_path_factory.mktemp("laptop"))


@pytest.fixture(scope="module")
def laptop(folder):
    """The address of the site as bin/run serves it."""
    port = parts.free_port()
    env = heroku.shell(PORT=str(port))
    run = subprocess.Popen(["bin/run"], cwd=folder, env=env)
    try:
        up = parts.wait_until(lambda: run.poll() or parts.listens(port), 120)
        assert up is True, "bin/run has ended"
        yield f"http://127.0.0.1:{port}/"
    finally:
        run.terminate()
        run.wait()


@pytest.fixture(scope="module")
def dyno(slug, postgres, secret_key):
    """The address of the site as a dyno serves it, through the router."""
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("browser"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
    }
    heroku.release(slug, config_vars)
    label = {"HEROKU_RELEASE_VERSION": "v42"}
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars, **label) as dyno:
        router.route([dyno.port])
        yield f"https://127.0.0.1:{router.tls_port}/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("place", ["laptop", "dyno"])
def test_the_first_page_shows_that_all_is_well(request, chromium, place, width, scheme):
    address = request.getfixturevalue(place)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for kind in ("browser", "performance"):
        chromium.get_log(kind)

    chromium.get(address)
    parts.wait_until(lambda: states(chromium).keys() >= {"Database", "Migrations"})

    expected = dict.fromkeys(["Script", "Database", "Migrations", "Cache"], "ok")
    if place == "dyno":
        expected |= {"Queued": "0", "Workers": "0"}
    assert states(chromium) == expected
    page = chromium.page_source
    assert "<h1>Hello from Django</h1>" in page and "git push heroku" in page
    assert ("release v42" in page) == (place == "dyno")
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert chromium.get_log("browser") == []
    network = [entry["message"] for entry in chromium.get_log("performance")]
    assert not [message for message in network if "Network.loadingFailed" in message]
    answers = [re.findall(r'"response":.*?"status":(\d+)', m) for m in network]
    statuses = [int(status) for found in answers for status in found]
    assert len(statuses) >= 4 and {*statuses} <= {200, 304}
    wide = "return document.documentElement.scrollWidth"
    assert chromium.execute_script(wide) == width
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    picture = ARTEFACTS / f"home-{place}-{width}-{scheme}.png"
    assert chromium.save_screenshot(str(picture))
    assert (lightness(chromium) > 0.5) == (scheme == "light")


ALL_FAILED = {"database": "failed", "migrations": "failed", "cache": "failed"}


@pytest.mark.parametrize(
    ("place", "answer", "commands"),
    [
        ("dyno", ALL_FAILED, ["heroku pg:info"]),
        ("dyno", {"migrations": "failed"}, ["heroku run python manage.py release"]),
        ("dyno", {"cache": "failed"}, ["heroku logs --tail"]),
        (
            "dyno",
            {"database": "none", "migrations": "none"},
            ["heroku addons:create heroku-postgresql:essential-0"],
        ),
        ("laptop", ALL_FAILED, []),
        ("laptop", {"migrations": "failed"}, ["python manage.py migrate"]),
    ],
)
def test_the_first_page_names_the_command_that_mends_it(
    request, chromium, place, answer, commands
):
    chromium.get(request.getfixturevalue(place))
    parts.wait_until(lambda: states(chromium).keys() >= {"Database"})
    shown = chromium.execute_async_script(
        """
        const [answer, done] = arguments;
        window.fetch = async () => ({ json: async () => answer });
        const codes = () => [...document.querySelectorAll("[data-ready] code")];
        refresh().then(() => done(codes().map((code) => code.textContent)));
        """,
        {"database": "ok", "migrations": "ok", "cache": "ok"} | answer,
    )
    assert shown == commands


def test_bin_run_says_that_its_port_is_taken(laptop, folder):
    port = int(laptop.split(":")[-1].strip("/"))
    again = subprocess.run(
        ["bin/run"],
        cwd=folder,
        env=heroku.shell(PORT=str(port)),
        capture_output=True,
        text=True,
    )
    said = f"Port {port} is in use, or is not a port. Fix: PORT=8123 bin/run\n"
    assert (again.returncode, again.stderr) == (1, said)


def states(chromium):
    """Return what the panel says of each thing."""
    return chromium.execute_script("""
        const text = (row) => [...row.children].map((cell) => cell.textContent);
        const rows = [...document.querySelectorAll("[data-ready] div")];
        return Object.fromEntries(rows.map(text));
    """)


def lightness(chromium):
    """Return how light the page's ground is, from 0 to 1."""
    script = "return getComputedStyle(document.body).backgroundColor"
    colours = re.findall(r"[\d.]+", chromium.execute_script(script))
    return sum(map(float, colours[:3])) / 3 / 255
