RUN make
FROM busybox
