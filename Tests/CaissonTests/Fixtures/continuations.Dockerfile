FROM busybox
RUN one && \
    # comment
    two && \

    three
ENV A=1 \
    B=2
