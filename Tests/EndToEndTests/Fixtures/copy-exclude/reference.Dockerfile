ARG BUSYBOX
FROM $BUSYBOX
COPY a/b /one/b
COPY a/c/three.txt /one/c/three.txt
COPY a/b/two.md /two/b/two.md
COPY a/c /two/c
RUN rm /two/c/deep/four.txt
COPY a/b/one.txt /three/
COPY a /four/a
