# An image of this site, for a host that runs containers: see docs/leaving.md.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PORT=8000
WORKDIR /app

# The packages are a layer of their own, which is kept until the lock changes.
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

# No config var is needed for this, and none may be given: layers keep them.
COPY . .
RUN python manage.py collectstatic --noinput --verbosity 0

# An unprivileged user, which owns no file here. Some hosts accept a number only.
USER 1000:1000
EXPOSE 8000

# The Procfile's `web`, without a shell: gunicorn itself receives SIGTERM.
CMD ["gunicorn"]
