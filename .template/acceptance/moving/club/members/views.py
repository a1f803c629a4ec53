from django.shortcuts import render

from .models import Member


def members(request):
    return render(request, "members/list.html", {"members": Member.objects.all()})
