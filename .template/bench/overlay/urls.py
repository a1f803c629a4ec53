"""The benchmark's pages, then the contender's own."""

import os

from bench_overlay import views
from django.conf import settings
from django.urls import include, path

if os.environ.get("BENCH_VARIANT") == "a query as health check":
    from django.db.backends.signals import connection_created

    from mysite import database

    connection_created.disconnect(database.look_before_asking)

urlpatterns = [
    path("bench/query", views.query),
    path("bench/user", views.user),
]
if settings.BENCH_HOME:
    links = [path("", views.nothing, name="index")]
    urlpatterns += [
        path("bench/home", views.home),
        path("bench/ready", views.nothing, name="ready"),
        path("bench/admin/", include((links, "admin"))),
    ]
urlpatterns += [path("", include(settings.BENCH_URLS))]
