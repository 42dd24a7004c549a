"""SMTP, free of Django: client and replies."""
