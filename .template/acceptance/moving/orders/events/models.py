from django.db import models


class Event(models.Model):
    size = models.IntegerField()

    def __str__(self):
        return f"{self.size} bytes"
