ARG BUSYBOX
FROM $BUSYBOX
RUN echo one > /one && V=two && echo $V > /two
