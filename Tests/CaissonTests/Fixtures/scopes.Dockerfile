ARG G=global
FROM busybox AS a
ARG L=local
RUN $L $G
FROM a
RUN $L
FROM busybox
ARG G
ENV X=${L:-unset}-$G
COPY --from=1 /a /a
