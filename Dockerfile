# Octapost in a container: an ordinary user, a read-only file system, one folder to write to.
# The versions are the ones that pyproject.toml pins; there is no other lock file.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/octapost
# What it depends on changes more rarely than the code, so it is a layer of its own.
COPY pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb')); \
print(*p['tool']['uv']['constraint-dependencies'], sep='\n', file=open('pins.txt', 'w')); \
print(*p['project']['dependencies'], *p['project']['optional-dependencies']['otel'], sep='\n', file=open('needs.txt', 'w'))" \
    && /opt/octapost/bin/pip install --constraint pins.txt --requirement needs.txt
COPY README.md LICENSE manifest.yml ./
COPY adapters ./adapters
COPY bot ./bot
COPY sandbox ./sandbox
COPY storage ./storage
RUN /opt/octapost/bin/pip install --no-deps .

FROM python:3.12-slim
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
