# What every old project has, below the settings that startproject made.
import os  # noqa: E402

import dj_database_url  # noqa: E402

DATABASES["default"] = dj_database_url.parse(  # noqa: F821
    os.environ.get("OLD_DATABASE_URL", f"sqlite:///{BASE_DIR}/db.sqlite3")  # noqa: F821
)
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]  # noqa: F821
STATIC_ROOT = BASE_DIR / "staticfiles"  # noqa: F821
MEDIA_ROOT = BASE_DIR / "media"  # noqa: F821
MEDIA_URL = "media/"
