"""The benchmark's pages, then the contender's own."""

from bench_overlay import views
from django.conf import settings
from django.urls import include, path

urlpatterns = [
    path("bench/query", views.query),
    path("bench/user", views.user),
    path("bench/quick", views.quick),
    path("bench/wait", views.wait),
    path("bench/held", views.held),
    path("bench/slow-query", views.slow_query),
    path("bench/stream", views.stream),
    path("bench/download", views.download),
    path("bench/upload", views.upload),
]
if settings.BENCH_HOME:
    links = [path("", views.nothing, name="index")]
    urlpatterns += [
        path("bench/home", views.home),
        path("bench/ready", views.nothing, name="ready"),
        path("bench/admin/", include((links, "admin"))),
    ]
urlpatterns += [path("", include(settings.BENCH_URLS))]
