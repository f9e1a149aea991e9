ARG BUSYBOX
FROM $BUSYBOX
RUN echo tool > /copied
RUN echo tool > /mounted
