ARG BUSYBOX
FROM $BUSYBOX
RUN echo "first $HOME" > /one && echo second > /two
