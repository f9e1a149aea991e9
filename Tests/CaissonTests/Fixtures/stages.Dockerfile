# syntax=docker/dockerfile:1
ARG BASE=debian:12
ARG TAG
FROM --platform=$BUILDPLATFORM ${BASE} AS Build
ARG TAG=latest
RUN make
FROM ${BASE}-${TAG:-slim} AS second
COPY --from=Build /out /in
FROM second
COPY --from=0 /a /b
COPY --from=registry.example/tool:1 /tool /usr/bin/
