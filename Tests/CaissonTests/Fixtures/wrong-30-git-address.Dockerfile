FROM busybox
ADD https://example.com/r.git?reff=x /f
