ARG BUSYBOX
FROM $BUSYBOX AS s
RUN mkdir -p /d/keep /d/drop && echo 1 > /d/keep/a && echo 2 > /d/drop/b && ln /d/keep/a /d/keep/c
RUN mkdir -p /e /f/drop /f/keep && cp -a /d/keep /e/ && cp /d/keep/a /f/keep/a
FROM $BUSYBOX
COPY --from=s /e /e
COPY --from=s /f /f
