# Podium alone: neither a model nor a secret is inside, both come when it runs.
#
#   docker build --tag podium .
#   docker run --publish 8000:8000 --volume podium:/var/lib/podium \
#     --env PODIUM_MODELS=iris@champion --env MLFLOW_TRACKING_URI=https://mlflow.example.com podium
#   docker stop --time 30 CONTAINER
#
# No `--init`: Podium hears signals from its first instruction on, and reaps what is left to process 1.
# `--time 30`: requests in flight get PODIUM_DRAIN_SECONDS (20), and Docker would kill after 10.
#
# Build arguments:
#   MODEL_PACKAGES   what the models need, as pip takes it: "xgboost==3.1.1 category-encoders"
#   SYSTEM_PACKAGES  Debian packages that those need when they run
#   EXTRAS           artifact stores, and gRPC: any of s3,azure,gcs,grpc
#   ENVIRONMENTS     versions whose environments are built in, as `podium env build` names them:
#                    "iris@champion churn@champion"; MLflow's variables come from the build secret
#                    `mlflow`, a file of NAME=VALUE lines: --secret id=mlflow,src=mlflow.env
#   PYTHON_VERSION   the one that the models were trained with: cloudpickle does not cross versions
#
# A package index of one's own is a build secret, so that it leaves no trace in the image:
#   docker build --secret id=pip.conf,src=$HOME/.config/pip/pip.conf ...
#
# Podman and Buildah need `--format docker`: the OCI format has no HEALTHCHECK and drops it.

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
ENV PATH=/opt/podium/bin:${PATH}
RUN python3 -m venv /opt/podium

# Dependencies first, since code changes more often. An editable install is a path entry for /app,
# which is filled below: Podium runs from its checkout, and a host takes that entry off its path.
WORKDIR /app
COPY LICENSE pyproject.toml constraints.txt ./
ARG EXTRAS=""
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    mkdir service training && touch README.md service/__init__.py training/__init__.py \
    && pip install --quiet --constraint constraints.txt --editable ".${EXTRAS:+[${EXTRAS}]}"

# A model runs with what it was trained with, so its pins go before constraints.txt. Podium's own
# ranges are resolved along with them: what contradicts those fails here, not in production. pip
# replaces only what has to be replaced, and says what; the rest stays as it was tested.
ARG MODEL_PACKAGES=""
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    if [ -n "${MODEL_PACKAGES}" ]; then \
      pip install --progress-bar off --editable ".${EXTRAS:+[${EXTRAS}]}" ${MODEL_PACKAGES}; \
    fi \
    && pip check

COPY README.md ./
COPY training training
COPY service service
# The image's user may only read here, whatever the checkout's file modes: so bytecode is made now.
RUN chmod -R a+rX . && python3 -m compileall -q service training && podium --help > /dev/null


FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="Podium" \
      org.opencontainers.image.description="Serves MLflow models by alias, and follows the alias" \
      org.opencontainers.image.licenses="MIT"

# LightGBM's wheel, and some others, expect the system's OpenMP.
ARG SYSTEM_PACKAGES="libgomp1"
RUN if [ -n "${SYSTEM_PACKAGES}" ]; then \
      apt-get update --quiet --quiet \
      && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends ${SYSTEM_PACKAGES} \
      && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log; \
    fi

# A number, since Kubernetes' runAsNonRoot cannot look a name up.
RUN groupadd --gid 10001 podium \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/podium --no-create-home --shell /usr/sbin/nologin podium \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/podium

COPY --from=build /opt/podium /opt/podium
COPY --from=build /app /app

ENV PATH=/opt/podium/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    PODIUM_HOST=0.0.0.0 \
    PODIUM_PORT=8000 \
    PODIUM_HOME=/var/lib/podium
USER 10001:10001
# Before the volume is one: what lies there is what a new volume begins with.
ARG ENVIRONMENTS=""
RUN --mount=type=secret,id=mlflow,uid=10001 --mount=type=secret,id=pip.conf,target=/etc/pip.conf,mode=0444 \
    if [ -n "${ENVIRONMENTS}" ]; then \
      set -a && . /run/secrets/mlflow && set +a \
      && for version in ${ENVIRONMENTS}; do podium env build "${version}" || exit 1; done; \
    fi
# Not /app: the folder one starts in must not be where a model could find Podium's packages.
WORKDIR /var/lib/podium
VOLUME /var/lib/podium
EXPOSE 8000

# Alive, not ready: a service that waits for its first model, or for its registry, needs no restart.
# The port is the variable's, so set that instead of passing a flag; what Kubernetes puts there for a
# Service called podium (tcp://...) is none, and the service listens on 8000 then. http.client because
# urllib would go through a proxy that the environment names.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-I", "-c", "import http.client, os, sys; port = os.environ.get('PODIUM_PORT', ''); c = http.client.HTTPConnection('127.0.0.1', int(port) if port.isdigit() else 8000, timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["podium"]
CMD ["serve"]
