ARG BUSYBOX
FROM $BUSYBOX
RUN echo off > /off && echo hi > /heard
