from django.urls import include, path

from rehearsal import views

urlpatterns = [
    path("rehearsal/data", views.data),
    path("rehearsal/write", views.write),
    path("rehearsal/visit", views.visit),
    path("rehearsal/cached", views.cached),
    path("rehearsal/enqueue", views.enqueue),
    path("rehearsal/hang", views.hang),
    path("rehearsal/query", views.query),
    path("rehearsal/stream", views.stream),
    path("rehearsal/rows", views.rows),
    path("rehearsal/service", views.service),
    path("rehearsal/leak", views.leak),
    path("rehearsal/upload", views.upload),
    path("", include("mysite.urls")),
]

handler400 = handler403 = handler404 = "dyno.views.client_error"
handler500 = "dyno.views.server_error"
