# syntax=docker/dockerfile:1
# One image for all roles: `docker run IMAGE credit serve`, `… credit migrate`, `… invoice validate file.xml`.

ARG PYTHON=3.11-slim-bookworm
# The release job fills it in, such as @sha256:…; without it the tag alone decides.
ARG PYTHON_DIGEST=

FROM python:${PYTHON}${PYTHON_DIGEST} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# What runs: the hashed lock without the tools. Its layer changes only with the lock.
COPY deploy/runtime.lock deploy/
RUN python -m venv /app && /app/bin/python -m pip install --require-hashes -r deploy/runtime.lock

# What builds: generates the contracts, fetches the official rule files and what others wrote for pages, makes the wheel.
# None of it is shipped.
COPY requirements.lock ./
RUN python -m venv /tools && /tools/bin/python -m pip install --require-hashes -r requirements.lock

COPY . .
RUN mkdir -p proto/gen \
 && find proto/receivables -name '*.proto' -exec \
    /tools/bin/python -m grpc_tools.protoc -Iproto --python_out=proto/gen --grpc_python_out=proto/gen {} + \
 && /tools/bin/python -c 'from pathlib import Path; from deploy.local import rules; rules.install(Path("/app/rules"))' \
 && /tools/bin/python -c 'from pathlib import Path; from deploy.local import static; static.install(Path("/app/static"))' \
 && rm /app/rules/.lock /app/static/.lock \
 && /tools/bin/python -m pip wheel . --no-deps --no-build-isolation -w /wheel \
 && /app/bin/python -m pip install --no-deps --no-index /wheel/*.whl \
 && /app/bin/python -m compileall -q /app/lib \
 && /app/bin/python -m pip uninstall -y pip setuptools

FROM python:${PYTHON}${PYTHON_DIGEST} AS image
LABEL org.opencontainers.image.title="receivables" \
      org.opencontainers.image.description="Event-driven accounts receivable: credit, invoicing, ledger, disputes, notifications, portal"
COPY --from=builder /app /app
# Nothing is written but below /tmp: the root file system may be read-only.
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AR_GRPC_HOST=0.0.0.0 \
    AR_RULES_DIR=/app/rules \
    AR_STATIC_DIR=/app/static
WORKDIR /app
USER 10001:10001
EXPOSE 50051 50443 8443 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["receivables"]
CMD ["--help"]
