"""The static files that `collectstatic` leaves, and those of the root folder."""

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import RequestFactory

from dyno.static import StaticFiles

FILES = {
    "its.js": 'import { word } from "./lib.js";\n',
    "lib.js": 'export const word = "a";\n',
    "packed.js": "let a;\n//# sourceMappingURL=packed.js.map\n",
    "packed.css": "a {}\n/*# sourceMappingURL=packed.css.map */\n",
    "bundle.js": 'import "./bundled-already.js";\nimport "bare";\n',
}
MANIFEST = {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}}


@pytest.fixture
def collected(tmp_path, settings):
    """Return a function that returns the text of a file which was collected."""
    (tmp_path / "files").mkdir()
    for name, text in FILES.items():
        (tmp_path / "files" / name).write_text(text)
    settings.LOCAL = False
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_DIRS = [tmp_path / "files"]
    settings.STATICFILES_FINDERS = [
        "django.contrib.staticfiles.finders.FileSystemFinder"
    ]
    settings.STORAGES = MANIFEST
    call_command("collectstatic", verbosity=0, interactive=False)
    return lambda name: (tmp_path / static(name).lstrip("/")).read_text()


def test_a_file_names_the_hashed_copies_of_others_but_of_what_is_missing(collected):
    name = static("lib.js").removeprefix("/static/")
    assert f'from "./{name}"' in collected("its.js")
    assert "packed.js.map" in collected("packed.js")
    assert "packed.css.map" in collected("packed.css")
    assert "./bundled-already.js" in collected("bundle.js")


def test_a_file_that_was_not_collected_has_its_own_name_in_development_alone(
    collected, settings
):
    with pytest.raises(ValueError, match="nosuch.css"):
        static("nosuch.css")
    settings.LOCAL = True
    settings.STORAGES = MANIFEST
    assert static("nosuch.css") == "/static/nosuch.css"


def test_files_of_the_root_folder_have_its_urls(tmp_path, settings):
    (tmp_path / "ads.txt").write_text("one")
    settings.WHITENOISE_ROOT = tmp_path
    request = RequestFactory().get("/ads.txt")
    answer = StaticFiles(None)(request.META, lambda status, headers: None)
    assert b"".join(answer) == b"one"
    answer.close()
