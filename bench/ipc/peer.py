"""Python's half of the comparison: one function for each row, which returns a figure."""
import multiprocessing as mp
import statistics
import sys
import time


def median_of(n, f):
    times = []
    for _ in range(n):
        begin = time.perf_counter()
        f()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


# process


def say(conn):
    conn.send(1)


def start(method, n, joined):
    context = mp.get_context(method)

    def one():
        ours, theirs = context.Pipe(False)
        p = context.Process(target=say, args=(theirs,))
        p.start()
        ours.recv()
        if joined:
            p.join()
        else:
            left.append(p)

    left = []
    figure = median_of(n, one)
    for p in left:
        p.join()
    return figure


def spawn_ready(n, megabytes=0):
    ballast = bytearray(b"x") * (megabytes << 20)
    return start("spawn", n, False) + 0 * len(ballast)


def spawn_join(n):
    return start("spawn", n, True)


# pool


def double(x):
    return 2 * x


def pool_map(workers, tasks, chunk):
    with mp.Pool(workers) as pool:
        pool.map(double, range(1000))
        return tasks / median_of(3, lambda: pool.map(double, range(tasks), chunk or None))


def pool_apply(workers, tasks):
    with mp.Pool(workers) as pool:
        begin = time.perf_counter()
        for i in range(tasks):
            pool.apply(double, (i,))
        return tasks / (time.perf_counter() - begin)


# queue


def produce(q, size, n):
    body = b"x" * size
    for _ in range(n):
        q.put(body)


def queue_rate(size, n):
    q = mp.Queue()
    p = mp.Process(target=produce, args=(q, size, n + 1))
    p.start()
    q.get()
    begin = time.perf_counter()
    for _ in range(n):
        q.get()
    took = time.perf_counter() - begin
    p.join()
    return n / took


def echo(into, out):
    while (v := into.get()) is not None:
        out.put(v)


def queue_round_trip(size, n):
    into, out = mp.Queue(), mp.Queue()
    p = mp.Process(target=echo, args=(into, out))
    p.start()
    body = b"x" * size

    def trips(n):
        for _ in range(n):
            into.put(body)
            out.get()

    trips(n // 10)
    begin = time.perf_counter()
    trips(n)
    took = time.perf_counter() - begin
    into.put(None)
    p.join()
    return took / n


# lock


def lock_alone(n):
    lock = mp.Lock()
    acquire, release = lock.acquire, lock.release
    begin = time.perf_counter()
    for _ in range(n):
        acquire()
        release()
    return (time.perf_counter() - begin) / n


def contend(lock, barrier, seconds, result):
    acquire, release = lock.acquire, lock.release
    n = 0
    barrier.wait()
    end = time.perf_counter() + seconds
    while n & 63 or time.perf_counter() < end:
        acquire()
        release()
        n += 1
    result.send(n)


def lock_contended(milliseconds):
    lock, barrier = mp.Lock(), mp.Barrier(2)
    ends = [mp.Pipe(False) for _ in range(2)]
    both = [mp.Process(target=contend, args=(lock, barrier, milliseconds / 1000, w)) for _, w in ends]
    for p in both:
        p.start()
    total = sum(r.recv() for r, _ in ends)
    for p in both:
        p.join()
    return total / (milliseconds / 1000)


# manager


def manager_read(n, store):
    with mp.Manager() as manager:
        number = manager.Value("i", 0)
        begin = time.perf_counter()
        for i in range(n):
            if store:
                number.value = i
            assert number.value == i or not store
        return n / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(globals()[sys.argv[1]](*map(int, sys.argv[2:])))
