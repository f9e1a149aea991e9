FROM busybox
RUN --mount=type=secrets,id=x true
