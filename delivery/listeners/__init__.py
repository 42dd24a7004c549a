"""Where mail comes in by SMTP: listeners, each with a thread and an event loop of its own."""
