from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view()
def api(request):
    return Response("ok")


urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("api", api),
    path("", include("mysite.urls")),
]

handler400 = handler403 = handler404 = "dyno.views.client_error"
handler500 = "dyno.views.server_error"
