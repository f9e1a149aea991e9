FROM busybox AS tools
FROM busybox
ARG where=/cache
WORKDIR /w
RUN --mount=type=bind,source=src,target=in,rw true
RUN --mount=from=tools,src=/bin,dst=/tools,ro=true true
RUN --mount=type=cache,target=$where,id=go,sharing=locked,uid=1,gid=2,mode=0700 true
RUN --mount=type=cache,target=/c,from=tools,source=/seed true
RUN --mount=type=tmpfs,target=/t,size=64m true
RUN --mount=type=secret,id=key --mount=type=secret,id=key,env=KEY,required true
RUN --mount=type=secret,target=/etc/k,mode=0440,uid=3 true
RUN --mount=type=ssh,required=true --mount=type=ssh,id=two,target=/agent true
RUN --mount=type=cache,"target=/a,b",id=x true
RUN --network=none --security=sandbox true
RUN ["/bin/exec", "form"]
