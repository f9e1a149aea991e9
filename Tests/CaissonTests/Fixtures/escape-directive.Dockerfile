# escape=`
FROM busybox
ENV P=C:\dir Q=a` b
RUN echo one `
    # a comment inside
    && echo two `

    && echo three
COPY a b` c/
