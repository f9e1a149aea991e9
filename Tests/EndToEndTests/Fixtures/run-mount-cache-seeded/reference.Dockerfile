ARG BUSYBOX
FROM $BUSYBOX
RUN echo seeded > /found
