FROM busybox
RUN <<EOF
echo one
echo $two
EOF
RUN <<-"A" cat > /x
	kept $literal
	A
RUN <<X
#!/usr/bin/env python3
print(1)
X
RUN cat <<ONE - <<TWO
1
ONE
2
TWO
COPY <<a.txt <<'b.txt' /d/
$HOME
a.txt
$HOME
b.txt
ADD <<EOF /one
x
EOF
