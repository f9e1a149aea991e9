ARG BUSYBOX
FROM $BUSYBOX
COPY a/b/one.txt a/c/three.txt a/c/deep/four.txt x/y/z.txt x/y/skip.txt top.txt /flat/
COPY a/c/deep/four.txt /one/
