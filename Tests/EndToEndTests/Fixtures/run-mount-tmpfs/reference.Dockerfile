ARG BUSYBOX
FROM $BUSYBOX
RUN echo 1777 > /mode && echo ok > /ok
