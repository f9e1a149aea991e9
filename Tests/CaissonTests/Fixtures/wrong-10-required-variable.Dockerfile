FROM busybox
ARG V
ENV A="${V:?give the version}"
