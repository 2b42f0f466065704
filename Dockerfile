# Octapost in a container: an ordinary user, a read-only file system, one folder to write to.
# The Python is the one that the tests run on, by its digest; every package is checked against its hash.
# CONTRIBUTING.md says how both are renewed.

FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/octapost && python -m venv /opt/build
# What it depends on changes more rarely than the code, so it is a layer of its own. Only wheels: nothing is
# built by what nobody pinned.
COPY deploy/requirements.txt deploy/build-requirements.txt ./
RUN /opt/octapost/bin/pip install --require-hashes --only-binary :all: --requirement requirements.txt \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement build-requirements.txt
COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY adapters ./adapters
COPY bot ./bot
COPY sandbox ./sandbox
COPY storage ./storage
RUN /opt/build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/octapost/bin/pip install --no-index --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ENV PATH=/opt/octapost/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OCTAPOST_DATABASE_URL=sqlite+aiosqlite:////data/octapost.sqlite3
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/octapost /opt/octapost
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('OCTAPOST_PORT', '3000') + '/livez', timeout=4)"]
ENTRYPOINT ["octapost"]
CMD ["run"]
