FROM busybox
MAINTAINER somebody <a@b>
ENV PATH=/opt:$PATH
EXPOSE 80 443/TCP 8000-8002/udp 9/sctp
VOLUME /data /logs
VOLUME ["/a b"]
USER app:1000
WORKDIR relative
WORKDIR /abs/../dir
STOPSIGNAL SIGINT
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
HEALTHCHECK --interval=1m30s --timeout=3s --start-period=5s --start-interval=500ms --retries=4 CMD curl -f localhost
LABEL a=1 "b c"="d e" multi="x\
y"
ENTRYPOINT ["/entry", "one"]
CMD run --fast "$PATH"
