"""The benchmark's pages, then the contender's own, then those that it may lack."""

from bench_overlay import views
from django.conf import settings
from django.urls import include, path

urlpatterns = [
    path("bench/home", views.home),
    path("bench/query", views.query),
    path("bench/quick", views.quick),
    path("bench/wait", views.wait),
    path("bench/held", views.held),
    path("bench/slow-query", views.slow_query),
    path("bench/stream", views.stream),
    path("bench/download", views.download),
    path("bench/upload", views.upload),
    path("", include(settings.BENCH_URLS)),
    path("up", views.quick),
    path("ready", views.query),
]
