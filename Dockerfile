# rootwatch: one image for the worker and every command. docs/operations.md says how it is run.
#
# The first stage installs what requirements.lock pins, without the extra `dev`; every dependency has a wheel for
# x86-64 and ARM, so no compiler is needed. The second stage is that environment and nothing else.

ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
# For replays of Amazon Security Lake: --build-arg EXTRAS=msk,notify,s3,parquet, which doubles the size (docs/decisions.md 34).
ARG EXTRAS=msk,notify,s3
WORKDIR /build
RUN python -m venv /opt/rootwatch
COPY pyproject.toml requirements.lock README.md ./
COPY schemas schemas
COPY streams streams
RUN /opt/rootwatch/bin/pip install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --no-binary rootwatch --constraint requirements.lock ".[${EXTRAS}]"

FROM ${PYTHON}
# Any other user without a group of its own has group 0, as `docker run --user` and OpenShift give it, and may write there, too.
RUN groupadd --gid 10001 rootwatch \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/rootwatch --shell /usr/sbin/nologin rootwatch \
 && install --directory --owner 10001 --group 0 --mode 0770 /var/lib/rootwatch
COPY --from=build /opt/rootwatch /opt/rootwatch
ENV PATH=/opt/rootwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/rootwatch \
    ROOTWATCH_STATE_DIR=/var/lib/rootwatch \
    ROOTWATCH_LOG_FORMAT=json
# A rootwatch.toml mounted here is read.
WORKDIR /etc/rootwatch
USER 10001:10001
VOLUME /var/lib/rootwatch
EXPOSE 6066
# Where the worker's own settings say that it listens, whatever port that is.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["rootwatch", "health"]
# In exec form, so that SIGTERM reaches the worker itself, which then finishes what is in hand.
ENTRYPOINT ["rootwatch"]
CMD ["worker"]
