from django.apps import AppConfig


class LettersConfig(AppConfig):
    name = "tests.integration.client.django_app.letters"
    label = "letters"
