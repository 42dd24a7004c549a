FROM python:3.11.13-slim-bookworm AS build
COPY requirements.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r /requirements.txt

FROM python:3.11.13-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_COLLECTED=true VAR=/var/lib/mailer METRICS_ROOT=/tmp/metrics
# A number of its own, since volumes outlive the image; a new volume takes the folder's owner.
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/mailer --shell /usr/sbin/nologin mailer
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# The settings want these; nothing of them stays in the image.
RUN SECRET_KEY=build TRACKING_KEYS=build-build-build-build-build-build \
    ENCRYPTION_KEYS=build-build-build-build-build-build PUBLIC_URL=http://build \
    MAIL_TRANSPORT=capture VAR=/tmp/build python manage.py collectstatic --noinput
USER mailer
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "32", "--workers-kill-timeout", "10", "mailer.wsgi:application"]
