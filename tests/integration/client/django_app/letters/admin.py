from django.contrib import admin

from tests.integration.client.django_app.letters.models import Contract, Letter

admin.site.register([Letter, Contract])
