ARG BUSYBOX
FROM $BUSYBOX
COPY app.conf /etc/app.conf
COPY ONE TWO /two/
COPY --chmod=0755 run.sh /run.sh
