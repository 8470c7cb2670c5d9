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


if __name__ == "__main__":
    print(globals()[sys.argv[1]](*map(int, sys.argv[2:])))
