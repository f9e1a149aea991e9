ARG BUSYBOX
FROM $BUSYBOX AS one
RUN echo one > /one
FROM $BUSYBOX
RUN echo two > /two
FROM $BUSYBOX
COPY --from=one /one /from-one
COPY --from=1 /two /from-two
COPY --from=0 /one /again
