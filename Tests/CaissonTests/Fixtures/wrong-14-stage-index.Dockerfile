FROM busybox
COPY --from=3 /a /b
