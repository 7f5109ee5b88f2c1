# ghcr.io/altertable-ai/altertable-mock and altertable-mock-conformance, as `make image` builds them (scripts/build-image).
#
# PROGRAM says where the program comes from: `compiled` here, or `prebuilt` and staged in target/image, for machines
# that reach no registry. For the same reason there is no `# syntax=` line, which would have to be pulled.
ARG PROGRAM=compiled

FROM rust:1.95-slim-bookworm AS compiled
ARG TARGETARCH
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils ca-certificates curl gcc g++ libc6-dev
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.cache/altertable-mock \
    --mount=type=cache,id=target-$TARGETARCH,target=/target \
    CARGO_TARGET_DIR=/target scripts/cargo build --package altertable-mock --package altertable-mock-conformance --bins && \
    scripts/stage-program /target/release/altertable-mock /program && \
    scripts/stage-program /target/release/altertable-conformance /conformance

FROM debian:bookworm-slim AS prebuilt
COPY target/image/program/ /program/
COPY target/image/conformance/ /conformance/

FROM ${PROGRAM} AS program

# The whole root of the image: the program, the C and C++ libraries it loads, CA certificates, a user and /tmp.
FROM debian:bookworm-slim AS root
RUN test -e /etc/ssl/certs/ca-certificates.crt || \
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends ca-certificates; }
COPY --from=program /program/ /image/usr/local/
COPY scripts/fill-image-root /usr/local/bin/
RUN fill-image-root /image

FROM scratch AS mock
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="altertable-mock" \
      org.opencontainers.image.description="Altertable on your machine: Flight SQL, Lakehouse REST and Product Analytics over one in-memory DuckDB per user" \
      org.opencontainers.image.source="https://github.com/altertable-ai/altertable-mock" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=root /image/ /
# Published ports reach the container's own address, not its loopback.
ENV ALTERTABLE_MOCK_BIND=0.0.0.0
# Nothing in the container outlives it, so that a stop need not wait for queries.
ENV ALTERTABLE_MOCK_SHUTDOWN_TIMEOUT=0
USER 65532:65532
# Fails the build if a library is missing.
RUN ["/usr/local/bin/altertable-mock", "--version"]
WORKDIR /tmp
# Uploads and results that outgrow memory are spooled here; a volume is writable under --read-only too.
VOLUME /tmp
EXPOSE 15000 15001 15002 15003
HEALTHCHECK --interval=1s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/altertable-mock", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/altertable-mock"]

# The program that holds clients and servers to the behaviour spec; it starts its servers itself.
FROM mock AS conformance
LABEL org.opencontainers.image.title="altertable-mock-conformance" \
      org.opencontainers.image.description="The Altertable behaviour spec, and the program that holds clients and servers to it"
COPY --from=program /conformance/bin/ /usr/local/bin/
COPY conformance/spec/ /spec/
ENV CONFORMANCE_SPEC=/spec
RUN ["/usr/local/bin/altertable-conformance", "--version"]
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/altertable-conformance"]

# What is built unless another is asked for.
FROM mock
