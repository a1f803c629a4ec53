from django.shortcuts import render

from .models import Photo


def photos(request):
    return render(request, "photos.html", {"photos": Photo.objects.all()})
