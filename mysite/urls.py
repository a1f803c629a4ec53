"""The URLs of the site. dyno.wsgi answers /up and the static files before Django."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

from dyno.views import favicon, ready, up

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", favicon, name="favicon"),
    path("ready", ready, name="ready"),
    path("up", up, name="up"),
    path("admin/", admin.site.urls),
]

# With DEBUG, Django serves the uploads; in production they are in a bucket.
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)

handler400 = handler403 = handler404 = "dyno.views.client_error"
handler500 = "dyno.views.server_error"
