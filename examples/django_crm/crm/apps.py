"""The CRM as a Django app."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """People, companies and what passes between them and us."""

    name = "crm"
    verbose_name = "Customers"
