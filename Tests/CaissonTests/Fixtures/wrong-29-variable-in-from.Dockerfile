FROM busybox
ARG X
COPY --from=$X /a /b
