"""The web server's entry point."""

import os

from django.core.wsgi import get_wsgi_application

from mailer.database import bound_answers
from mailer.environment import one_sentence
from mailer.process_metrics import share_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailer.settings")
with one_sentence():
    share_counts()  # first of all: metrics are made where they are imported
    pages = get_wsgi_application()

from delivery.garbage import relax_collection
from mailer.front_door import ApiHandler, front_door  # models can be imported only now
from tracking.draining import start_draining

application = front_door(pages, ApiHandler())
bound_answers()
start_draining()
relax_collection()  # last: what is loaded by now stays
