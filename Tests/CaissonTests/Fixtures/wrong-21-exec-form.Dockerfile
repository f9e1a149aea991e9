FROM busybox
SHELL bash -c
