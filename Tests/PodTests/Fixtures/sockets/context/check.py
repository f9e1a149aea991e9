# SPDX-License-Identifier: Apache-2.0
import errno
import os
import random
import socket
import struct
import threading


def unix(kind=socket.SOCK_STREAM):
    return socket.socket(socket.AF_UNIX, kind)


def echo(server):
    connection, _ = server.accept()
    connection.sendall(connection.recv(100).upper())
    connection.close()


# By absolute, relative and long names; the address is given back as it was.
os.makedirs("deep/" * 3)
for name in ("/run/app/absolute.sock", "relative.sock", "deep/../deep/deep/s", "/run/app/" + "n" * 90):
    server = unix()
    server.bind(name)
    assert server.getsockname() == name, server.getsockname()
    server.listen()
    thread = threading.Thread(target=echo, args=(server,))
    thread.start()
    client = unix()
    client.connect(name)
    assert client.getpeername() == name, client.getpeername()
    client.sendall(b"hello")
    assert client.recv(100) == b"HELLO"
    thread.join()
    credentials = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert credentials[0] == os.getpid()
    server.close()
    client.close()
    os.unlink(name)

# Ports that are for root alone; others on this network may have one.
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.socket(family)
    while True:
        port = random.randrange(600, 1000)
        try: server.bind((address, port))
        except OSError as error: assert error.errno == errno.EADDRINUSE
        else: break
    assert server.getsockname()[1] == port
    server.listen()
    client = socket.create_connection((address, port))
    assert client.getpeername()[1] == port
    other = socket.socket(family)
    try: other.bind((address, port))
    except OSError as error: assert error.errno == errno.EADDRINUSE
    else: raise AssertionError("two sockets have one port")
    for end in (client, server, other): end.close()

# Datagrams with the names of sender and receiver.
a, b = unix(socket.SOCK_DGRAM), unix(socket.SOCK_DGRAM)
a.bind("a")
b.bind("/run/app/b")
a.sendto(b"one", "/run/app/b")
assert b.recvfrom(10) == (b"one", "a")
b.sendmsg([b"two"], [], 0, "a")
assert a.recvfrom(10) == (b"two", "/run/app/b")
os.unlink("a")
os.unlink("b")

# Descriptors travel, abstract names work, refusals have the kernel's reasons.
left, right = socket.socketpair()
socket.send_fds(left, [b"x"], [os.open("/etc/passwd", os.O_RDONLY)])
_, descriptors, _, _ = socket.recv_fds(right, 1, 1)
assert os.read(descriptors[0], 4) == b"root"
abstract = unix()
abstract.bind("\0pod-tests")
abstract.listen()
unix().connect("\0pod-tests")
for name, error in (("absent", FileNotFoundError), ("/etc/passwd", ConnectionRefusedError)):
    try:
        unix().connect(name)
    except error:
        continue
    raise SystemExit(f"connected to {name}")
try:
    unix().bind("/etc/passwd")
    raise SystemExit("bound to a file")
except OSError as error:
    assert error.errno == 98

# A link to a socket, and one that nobody serves any more.
server = unix()
server.bind("s")
server.listen()
os.symlink("s", "link")
unix().connect("link")
server.close()
try:
    unix().connect("s")
    raise SystemExit("connected to a closed socket")
except ConnectionRefusedError:
    os.unlink("s")
    os.unlink("link")

tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
tcp.listen()
client = socket.create_connection(tcp.getsockname())
connection, _ = tcp.accept()
connection.sendall(b"x" * 100000)
connection.close()
received = b""
while piece := client.recv(65536):
    received += piece
assert len(received) == 100000
