ARG BUSYBOX
FROM $BUSYBOX
RUN awk 'BEGIN { print "awk" > "/awk" }'
