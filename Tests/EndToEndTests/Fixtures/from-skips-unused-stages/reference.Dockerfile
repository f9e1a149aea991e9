ARG BUSYBOX
FROM $BUSYBOX
RUN echo fine > /fine
