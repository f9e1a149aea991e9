FROM busybox
RUN a \
  b
COPY <<E /x
text
E
