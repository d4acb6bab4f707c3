# The dependencies are built apart, so that the image carries neither pip nor its caches.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv --without-pip /opt/polobot \
 && python -m pip --python /opt/polobot/bin/python install --require-hashes --only-binary :all: -r /tmp/requirements.txt
COPY bot /app/bot
COPY handlers /app/handlers
COPY polo /app/polo
COPY storage /app/storage
RUN python -m compileall -q /app

FROM python:3.11-slim
LABEL org.opencontainers.image.title="polobot" \
      org.opencontainers.image.description="A whole AI relay in Discord, Telegram and a local page" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data polobot \
 && install --directory --owner=polobot --group=polobot --mode=0700 /data
COPY --from=build /opt/polobot /opt/polobot
COPY --from=build /app /app
# The page listens on loopback inside the container, for the health check; WEB_HOST=0.0.0.0 and WEB_PASSWORD open it.
ENV PATH=/opt/polobot/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DATA_DIR=/data WEB_HOST=127.0.0.1 WEB_PORT=8080
WORKDIR /app
USER polobot
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client as http, os, sys; ask = http.HTTPConnection('127.0.0.1', int(os.environ['WEB_PORT']), timeout=5); ask.request('GET', '/healthz'); sys.exit(ask.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
