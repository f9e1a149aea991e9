FROM busybox
RUN --security=insecure mount
