"""A client that sends requests at a given rate, whether or not answers come back."""

import random
import re
import select
import socket
import time

CONNECTIONS = 64


def latencies(port, request, rate, seconds):
    """Return the sorted latencies in seconds of `rate` requests a second.

    The moments to send at are drawn once (a Poisson process, the same in each run); a
    latency counts from that moment, so waiting for a free connection is part of it.
    Raises RuntimeError for any answer but a 200.
    """
    draw = random.Random(1)
    due, moment = [], 0.0
    while moment < seconds:
        moment += draw.expovariate(rate)
        due.append(moment)
    poll, busy, taken = select.epoll(), {}, []
    free = [None] * CONNECTIONS
    sent, start = 0, time.perf_counter()
    while len(taken) < len(due):
        now = time.perf_counter() - start
        while free and sent < len(due) and due[sent] <= now:
            connection = free.pop()
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", port), 30)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(connection, select.EPOLLIN)
            connection.sendall(request)
            busy[connection.fileno()] = [connection, due[sent], b""]
            sent += 1
        # epoll counts in milliseconds, so it may only sleep where nothing is due.
        for fileno, _ in poll.poll(0 if sent < len(due) else 30):
            if fileno not in busy:  # an idle connection that the server closed
                idle = next(c for c in free if c and c.fileno() == fileno)
                free[free.index(idle)] = None
                idle.close()
                continue
            entry = busy[fileno]
            connection, moment, _ = entry
            chunk = connection.recv(1 << 18)
            entry[2] += chunk
            head, end, body = entry[2].partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if not end or (length and len(body) < int(length[1])):
                if not chunk:
                    raise RuntimeError(f"the server hung up: {entry[2][:200]}")
                continue
            if not length or not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"no 200 of a known length: {head[:200]}")
            taken.append(time.perf_counter() - start - moment)
            del busy[fileno]
            if b"connection: close" in head.lower():
                connection.close()
                connection = None
            free.append(connection)
    for connection in filter(None, free):
        connection.close()
    return sorted(taken)
