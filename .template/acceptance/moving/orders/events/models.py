from django.db import models


class Event(models.Model):
    kind = models.CharField(max_length=50)
    size = models.IntegerField()

    def __str__(self):
        return f"{self.kind} of {self.size} bytes"
