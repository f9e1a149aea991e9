FROM busybox
ADD --checksum=sha256:12 https://example.com/f /f
