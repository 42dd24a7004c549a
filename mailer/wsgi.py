"""The web server's entry point."""

import os

from django.core.wsgi import get_wsgi_application

from mailer.database import bound_answers
from mailer.environment import one_sentence
from mailer.process_metrics import share_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailer.settings")
with one_sentence():
    share_counts()  # first of all: metrics are made where they are imported
    application = get_wsgi_application()

from tracking.draining import start_draining  # models can be imported only now

bound_answers()
start_draining()
