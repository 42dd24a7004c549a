FROM python:3.11.13-slim-bookworm AS build
COPY requirements.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r /requirements.txt

FROM python:3.11.13-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_COLLECTED=true VAR=/var/lib/mailer
RUN useradd --system --create-home --home-dir /var/lib/mailer mailer
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# The settings want these; nothing of them stays in the image.
RUN SECRET_KEY=build TRACKING_KEYS=build-build-build-build-build-build PUBLIC_URL=http://build \
    MAIL_TRANSPORT=capture VAR=/tmp/build STATIC_COLLECTED=true python manage.py collectstatic --noinput
USER mailer
VOLUME /var/lib/mailer
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "8", "mailer.wsgi:application"]
