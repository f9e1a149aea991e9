ARG BUSYBOX
FROM $BUSYBOX
RUN echo "5 6 750" > /first && echo "7 8" > /second
