ARG VERSION=1.2.3
FROM busybox
ARG VERSION
ARG MAJOR=${VERSION%%.*} REST=${VERSION#*.} DASHED=${VERSION//./-} FIRST=${VERSION/./_}
ENV A=${MAJOR} B="${REST:-none}" C=${UNSET:-default} D=${VERSION:+set} E=${UNSET:+set} F=${UNSET-x}
LABEL version=$VERSION dashed="$DASHED" first=$FIRST
ENV old value with  blanks
ENV Q='$VERSION' R="\$VERSION" S=\$VERSION T="a\"b" U=a\ b
RUN echo $A
