"""The addresses that dyno's own views and the tests need."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from dyno.views import favicon, ready, up

urlpatterns = [
    path("plain", lambda request: HttpResponse("plain"), name="plain"),
    path("favicon.ico", favicon),
    path("ready", ready),
    path("up", up),
    path("admin/", admin.site.urls),
]

handler400 = handler403 = handler404 = "dyno.views.client_error"
handler500 = "dyno.views.server_error"
