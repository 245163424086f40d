"""The tables of schema.sql as Django sees them."""

from django.db import models


class ApiKey(models.Model):
    client = models.TextField()
    sha256 = models.TextField(unique=True)
    enabled = models.BooleanField()

    class Meta:
        app_label = "legacy"
        managed = False
        db_table = "legacy_apikey"

    def __str__(self) -> str:
        return self.client


class Record(models.Model):
    name = models.TextField(unique=True)
    media_type = models.TextField()
    size = models.BigIntegerField()

    class Meta:
        app_label = "legacy"
        managed = False
        db_table = "legacy_record"

    def __str__(self) -> str:
        return self.name


class Chunk(models.Model):
    record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="chunks")
    position = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        app_label = "legacy"
        managed = False
        db_table = "legacy_chunk"
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.record_id}/{self.position}"
