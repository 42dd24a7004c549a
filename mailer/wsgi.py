"""The web server's entry point."""

import os

from django.core.wsgi import get_wsgi_application

from mailer.environment import one_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailer.settings")
with one_sentence():
    application = get_wsgi_application()

from tracking.draining import start_draining  # models can be imported only now

start_draining()
