# The example worker. Build it from the root of the repository: docker build -f k8s/docker/worker.Dockerfile .
# For your own app, replace the COPY of tasks.py, and `tasks` in the command.

FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /venv
# First what changes seldom: the packages, in tried versions.
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY assured_jobs assured_jobs
COPY web web
RUN /venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[metrics]'

FROM python:3.12-slim
# Nobody's name, and a number, so that Kubernetes can see that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin worker
COPY --from=build /venv /venv
COPY examples/container/tasks.py /app/
# No .pyc is written: the root file system may be read-only. Output at once: a killed worker's last words count.
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
# Dramatiq's exporter.
EXPOSE 9191
# The exec form: Dramatiq's master is process 1, and hears SIGTERM itself. A shell before it would not pass it on.
# 50 s, within the 60 s that worker.yaml and docker-compose.yml grant.
CMD ["dramatiq", "tasks", "--processes=1", "--threads=8", "--worker-shutdown-timeout=50000"]
