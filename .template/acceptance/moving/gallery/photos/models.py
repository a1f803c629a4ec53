from django.conf import settings
from django.db import models


class Photo(models.Model):
    title = models.CharField(max_length=50)
    image = models.FileField(upload_to="photos")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)

    def __str__(self):
        return self.title
