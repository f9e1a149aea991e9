ARG BUSYBOX
FROM $BUSYBOX
COPY tree/run.sh /1/
COPY --chmod=0644 tree/sub/data /1/sub/
RUN chmod 755 /1/run.sh
COPY --chmod=0700 a.txt /2
COPY --chmod=0644 a.txt /3
COPY --chmod=4755 a.txt /4
COPY --chmod=0664 a.txt /5
COPY --chmod=1642 a.txt /6
