# The dashboard. Build it from the root of the repository: docker build -f k8s/docker/dashboard.Dockerfile .

FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /venv
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY assured_jobs assured_jobs
COPY web web
RUN /venv/bin/pip install --no-cache-dir --constraint constraints.txt '.[web,metrics]' gunicorn

FROM python:3.12-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin dashboard
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# Above 1024: it may not open a lower one.
EXPOSE 8080
# One process: it keeps one unbroken watch from look to look. Threads: pages are read while Redis is waited for.
CMD ["gunicorn", "--bind=0.0.0.0:8080", "--workers=1", "--threads=8", "--worker-tmp-dir=/tmp", "assured_jobs_web.wsgi:app"]
