"""A Django project that sends each mail by a Celery task of its own: django-celery-email."""
