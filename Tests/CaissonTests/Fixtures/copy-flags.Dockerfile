FROM busybox
WORKDIR /app
COPY a b* ./
COPY --chown=app:1000 --chmod=u=rwX,go=rX --link src /srv/
COPY --parents ./x/./y/*.go z /src/
COPY --exclude=*.md --exclude=!keep.md docs /docs/
COPY ["with blank", "to here/"]
COPY **/*.txt /flat/
ADD archive.tar.gz /un/
ADD --unpack=false archive.tar.gz /packed/
ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://u:p@example.com/f /f
ADD --keep-git-dir=true https://example.com/r.git#v1:sub /git
