FROM busybox
COPY --chmod=0899 a b
