# One image for every role; the command says which (docker-compose.yml).
FROM python:3.12-slim AS packages
COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir -r /tmp/base.txt

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin contentserver \
    && install -d -o contentserver -g contentserver -m 0700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/contentserver
COPY manage.py ./
COPY contentserver ./contentserver
COPY skold ./skold
COPY migrator ./migrator
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CONTENTSERVER_HOME=/data \
    CONTENTSERVER_HOST=0.0.0.0 \
    CONTENTSERVER_STATIC=/srv/static
# The key signs nothing here: collectstatic only wants one to be set.
RUN rm -rf contentserver/embedded \
    && DJANGO_SECRET_KEY=collectstatic python manage.py collectstatic --no-input --verbosity 0
USER contentserver
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "contentserver.web", "--data"]
