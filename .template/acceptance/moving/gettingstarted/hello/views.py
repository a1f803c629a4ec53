from django.db import connection
from django.shortcuts import render


def index(request):
    tables = connection.introspection.table_names()
    return render(request, "index.html", {"tables": tables})
