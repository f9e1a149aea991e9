FROM busybox AS tools
FROM busybox AS base
ONBUILD COPY --from=tools /t /t
ONBUILD RUN <<E
echo hi
E
FROM base
RUN last
