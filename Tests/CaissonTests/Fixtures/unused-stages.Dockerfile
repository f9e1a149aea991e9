FROM a AS one
RUN x
FROM b AS two
RUN y
FROM busybox
COPY --from=two /y /y
