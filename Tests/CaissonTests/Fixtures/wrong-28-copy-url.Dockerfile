FROM busybox
COPY https://user:password@example.com/f /f
