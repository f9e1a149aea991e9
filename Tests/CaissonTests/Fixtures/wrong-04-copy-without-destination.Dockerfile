FROM busybox
COPY app
