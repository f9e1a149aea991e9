ARG BUSYBOX
FROM $BUSYBOX
RUN echo started > /started
