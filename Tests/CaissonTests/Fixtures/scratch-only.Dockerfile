FROM scratch
COPY / /
CMD ["/a"]
