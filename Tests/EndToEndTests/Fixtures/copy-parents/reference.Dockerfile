ARG BUSYBOX
FROM $BUSYBOX
COPY a/b/one.txt /out/a/b/one.txt
COPY a/c /out/a/c
COPY x/y/z.txt /pivot/y/z.txt
COPY a/b/one.txt /globs/a/b/
COPY a/c/three.txt /globs/a/c/
COPY top.txt /globs/
COPY a/c/three.txt /any/a/c/
COPY x/y/z.txt /any/x/y/
COPY . /all/
COPY --chown=33:44 --chmod=0600 x/y/z.txt x/y/skip.txt /owned/x/y/
