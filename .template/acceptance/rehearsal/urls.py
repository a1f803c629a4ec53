from django.urls import include, path

from rehearsal import views

urlpatterns = [
    path("rehearsal/data", views.data),
    path("rehearsal/write", views.write),
    path("rehearsal/visit", views.visit),
    path("rehearsal/cached", views.cached),
    path("rehearsal/enqueue", views.enqueue),
    path("rehearsal/hang", views.hang),
    path("rehearsal/leave", views.leave),
    path("rehearsal/query", views.query),
    path("rehearsal/leak", views.leak),
    path("rehearsal/upload", views.upload),
    path("", include("mysite.urls")),
]

handler500 = "dyno.views.server_error"
