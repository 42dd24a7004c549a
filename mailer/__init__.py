"""The project: settings, Celery, routes, health. Wires everything; imported by nobody."""
