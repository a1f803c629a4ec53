"""A contender's own settings, with the benchmark's pages."""

import copy
import importlib
import os
from pathlib import Path

contender = importlib.import_module(os.environ["BENCH_SETTINGS"])
globals().update({k: v for k, v in vars(contender).items() if k.isupper()})

INSTALLED_APPS = [*contender.INSTALLED_APPS, "bench_overlay"]
BENCH_URLS = contender.ROOT_URLCONF
ROOT_URLCONF = "bench_overlay.urls"

if home := os.environ.get("BENCH_HOME"):
    # A peer is given this project's home page: its templates and static files.
    TEMPLATES = copy.deepcopy(contender.TEMPLATES)
    TEMPLATES[0]["DIRS"].insert(0, Path(home) / "templates")
    TEMPLATES[0]["OPTIONS"]["builtins"] = ["django.templatetags.static"]
    STATICFILES_DIRS = [Path(home) / "static"]
