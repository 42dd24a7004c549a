"""A Django project that sends by django-post_office, as its documentation has it."""
