ARG BUSYBOX
FROM $BUSYBOX
RUN echo "0 0 400" > /a && echo "33 34 440" > /b
