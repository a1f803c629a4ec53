"""The addresses of the site. /up and /static/ are answered in wsgi.py, before these."""

from django.conf import settings
from django.contrib import admin
from django.urls import path
from django.views.static import serve

from mysite import views

urlpatterns = [
    path("", views.home, name="home"),
    path("ready", views.ready, name="ready"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("robots.txt", views.robots, name="robots"),
    path("admin/", admin.site.urls),
]

if settings.LOCAL:
    # A laptop's uploads; elsewhere they are in a bucket.
    uploaded = {"document_root": settings.MEDIA_ROOT}
    urlpatterns.append(path("media/<path:path>", serve, uploaded))

handler500 = "mysite.views.server_error"
