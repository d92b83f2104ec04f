"""Prints the vectors of sampler/README.md, computed from its text alone.

Up to the function token() it is the arithmetic of logitd/1.
"""
import hashlib
import math
import re
import struct
from fractions import Fraction as Exact

HEX, M32, M64 = float.fromhex, 0xFFFFFFFF, 2**64 - 1


def f32(x):  # the nearest fp32 of an exact number, ties to even
    x = Exact(x)
    e = x.numerator.bit_length() - x.denominator.bit_length()
    e -= abs(x) < Exact(2) ** e
    unit = Exact(2) ** (max(e, -126) - 23)
    return float(round(x / unit) * unit)


def fma(a, b, c):
    return f32(Exact(a) * Exact(b) + Exact(c))


def exp_f(d):
    n = fma(d, HEX("0x1.715476p+0"), 12582912) - 12582912
    f = fma(d, HEX("0x1.715476p+0"), -n)
    s = fma(f, f, 0)
    u = fma(f, HEX("0x1.62e42cp-1"), 1)
    v = fma(f, HEX("0x1.c6b642p-5"), HEX("0x1.ebf9c2p-3"))
    w = fma(f, HEX("0x1.5bce7ap-10"), HEX("0x1.3ce712p-7"))
    return fma(fma(w, s, v), s, u) * 2.0**n if d >= -87 else 0.0


def log_d(x):
    f, k = math.frexp(x)
    f, k = (f * 2, k - 1) if f < HEX("0x1.6a09e667f3bcdp-1") else (f, k)
    s = (f - 1) / (f + 1)
    t, z, p = 2 * s, s * s, 1 / 21
    for odd in range(19, 2, -2):
        p = p * z + 1 / odd
    low = t * (z * p) + k * HEX("0x1.cf79abc9e3b3ap-40")
    return k * HEX("0x1.62e42fefa0000p-1") + (t + low)


def block_masses(w):
    masses = []
    for first in range(0, len(w), 128):
        lanes = [0.0] * 16
        for i, x in enumerate(w[first : first + 128]):
            lanes[i % 16] = f32(lanes[i % 16] + x)
        for half in (8, 4, 2, 1):
            lanes = [f32(lanes[j] + lanes[j + half]) for j in range(half)]
        masses += lanes
    return masses


def mass(w):
    a = [0.0] * 8
    for b, total in enumerate(block_masses(w)):
        a[b % 8] += total
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))


def philox(c, key):
    k = [key & M32, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & M32, a >> 32 ^ c[3] ^ k[1], a & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def noise(key, position, attempt, purpose, index):
    w = philox([index >> 1, position, purpose | attempt << 8, 0], key)
    return w[2 * (index & 1)] << 32 | w[2 * (index & 1) + 1]


def exponential(*point):
    return -log_d(((noise(*point) >> 12) + 0.5) * 2.0**-52)


def race(rates, key, position, purpose, first=0):
    point = (key, position, 0, purpose)
    score = [x and x / exponential(*point, first + i) for i, x in enumerate(rates)]
    return first + score.index(max(score))


def token(w, key, position):
    first = 128 * race(block_masses(w), key, position, 1)
    return race(w[first : first + 128], key, position, 2, first)


def fork_key(key, index, position):
    w = philox([index, position, 8, 0], key)
    return w[1] << 32 | w[0]


# XXH3, 64 bits, without seed, of more than 240 bytes; the secret of its manual.
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def xxh3(data):
    p32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
    p64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
           0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)  # fmt: skip
    a = [p32[2], *p64[:4], p32[1], p64[4], p32[0]]

    def words(source, at):
        return struct.unpack_from("<8Q", source, at)

    def add(at, secret_at):
        for i, (x, s) in enumerate(zip(words(data, at), words(SECRET, secret_at))):
            a[i ^ 1] += x
            a[i] += ((x ^ s) & M32) * ((x ^ s) >> 32)
            a[:] = (y & M64 for y in a)

    for stripe in range((len(data) - 1) // 64):
        add(64 * stripe, 8 * (stripe % 16))
        if stripe % 16 == 15:
            secret = words(SECRET, 128)
            a = [(x ^ x >> 47 ^ s) * p32[0] & M64 for x, s in zip(a, secret)]
    add(len(data) - 64, 121)
    h = len(data) * p64[0]
    s = words(SECRET, 11)
    for i in (0, 2, 4, 6):
        product = (a[i] ^ s[i]) * (a[i + 1] ^ s[i + 1])
        h += product & M64 ^ product >> 64
    h &= M64
    h = (h ^ h >> 37) * 0x165667919E3779F9 & M64
    return h ^ h >> 32


def row_digest(row):
    return xxh3(struct.pack(f"<{len(row)}f", *(l + 0.0 for l in row)))


def show(name, *values):
    texts = [re.sub(r"\.?0+p", "p", v.hex()) if isinstance(v, float) else str(v)
             for v in values]  # fmt: skip
    print(name, "=", *texts)


def main():
    PI = ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], 0x299F31D0A4093822)
    minus_one = ([M32] * 4, 2**64 - 1)
    for name, point in (("0", ([0] * 4, 0)), ("-1", minus_one), ("pi", PI)):
        show(f"philox({name})", *(f"{word:08x}" for word in philox(*point)))
    for point in ((42, 0, 0, 1, 0), (42, 0, 0, 1, 1), (42, 7, 3, 2, 128001),
                  (2**64 - 1, M32, 2**24 - 1, 9, M32)):  # fmt: skip
        show(f"noise{point}", f"{noise(*point):016x}")
        show(f"E{point}", exponential(*point))
    salted = hashlib.sha256(b"logitd/1" + (42).to_bytes(8, "little") + b"salt").digest()
    show("stream_key(42, salt)", f"{int.from_bytes(salted[:8], 'little'):016x}")
    show("fork_key(42, 1, 7)", f"{fork_key(42, 1, 7):016x}")
    for d in (-1e-7, -0.3, -1, -10.123, -86.9, -87):
        show(f"exp_f({d})", exp_f(f32(d)))
    for x in (2.0, 0.9, 1e-300, 1 - 2.0**-53):
        show(f"log_d({x})", log_d(x))

    row = [(i * 37 % 101) / 8 - 6 for i in range(300)]  # temperature 0.8, top_p 0.9
    d = [fma(f32(l - max(row)), f32(1 / 0.8), 0) for l in row]
    w = [exp_f(x) for x in d]
    rank = sorted(range(300), key=lambda i: (-row[i], i))
    for n in range(1, 301):
        kept = [w[i] if i in rank[:n] else 0.0 for i in range(300)]
        if mass(kept) >= 0.9 * mass(w):
            break
    show("mass(all)", mass(w))
    show("kept, last kept", n, rank[n - 1])
    show("block masses", *block_masses(kept))
    show("mass(kept)", mass(kept))
    tokens = [token(kept, 42, position) for position in range(12)]
    show("tokens of seed 42", *tokens)
    show("their final_logprob", *(d[i] - log_d(mass(kept)) for i in tokens[:3]))
    show("row_digest", f"{row_digest(row):016x}")
    show("row_digest of 0 .. 299", f"{row_digest(range(300)):016x}")
    banned = [-math.inf if i == 7 else l for i, l in enumerate(row)]
    banned[75] = -0.0
    show("row_digest with l_7 = -inf, l_75 = -0", f"{row_digest(banned):016x}")

    u = [(i * 29 % 97) / 8 - 6 for i in range(300)]  # guidance_scale 1.5
    lse = [max(x) + log_d(mass([exp_f(f32(l - max(x))) for l in x])) for x in (row, u)]
    show("LSE_c, LSE_u", *lse)
    guided = []
    for c, other in zip(row, u):
        lc, lu = c - lse[0], other - lse[1]
        guided.append(f32(lu + 1.5 * (lc - lu)))
    show("guided l_0 .. l_3", *guided[:4])
    w = [exp_f(f32(l - max(guided))) for l in guided]
    show("guided tokens of seed 42", *(token(w, 42, at) for at in range(12)))


if __name__ == "__main__":
    main()
