ARG BUSYBOX
FROM $BUSYBOX
RUN echo 1 > /one && echo t > /two && mkdir /some && echo "33 44 751" > /three && echo kept > /some/kept && cp /three /four
