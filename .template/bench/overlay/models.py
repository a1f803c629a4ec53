"""The table that the one-query page reads."""

from django.db import models


class Row(models.Model):
    """One word; the benchmark makes the table, so that no migration is needed."""

    word = models.CharField(max_length=20)

    class Meta:
        managed = False
        db_table = "bench_row"

    def __str__(self):
        return self.word
