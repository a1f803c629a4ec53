"""The addresses of the site. /up and /static/ are answered in wsgi.py, before these."""

from django.contrib import admin
from django.urls import path

from mysite import views

urlpatterns = [
    path("", views.home, name="home"),
    path("ready", views.ready, name="ready"),
    path("robots.txt", views.robots, name="robots"),
    path("admin/", admin.site.urls),
]

handler500 = "mysite.views.server_error"
