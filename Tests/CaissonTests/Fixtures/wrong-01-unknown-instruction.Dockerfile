FROM busybox
RUNN make
