"""Sends frames from the moment on which its device is there, again and again: attack-sender.py DEVICE SECONDS HEX,HEX,...

With `shuffle` as a fourth argument each frame is damaged at random before it goes; with a number as a fifth it goes on until so many are sent.
Prints `sent N` at the end.
"""
import os
import random
import socket
import sys
import time

device, seconds = sys.argv[1], float(sys.argv[2])
frames = [bytes.fromhex(f) for f in sys.argv[3].split(',')]
shuffle = len(sys.argv) > 4
least = int(sys.argv[5]) if len(sys.argv) > 5 else 0
end = time.time() + seconds
sent = 0


def damaged(frame):
    data = bytearray(frame)
    for _ in range(random.randrange(1, 8)):
        data[random.randrange(len(data))] = random.randrange(256)
    # The type is one that somebody looks into, more often than not.
    if random.random() < 0.7:
        data[12:14] = random.choice([b'\x08\x00', b'\x86\xdd', b'\x08\x06', b'\x81\x00', b'\x00\x40'])
    return bytes(data[: random.randrange(14, len(data) + 1)]) + os.urandom(random.randrange(0, 32))


def opened():
    while True:
        try:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind((device, 0))
            return s
        except OSError:
            s.close()
            if time.time() > end:
                sys.exit('no device')
            time.sleep(0.0005)


s = opened()
print('began', flush=True)
while time.time() < end or sent < least and time.time() < end + 60:
    for frame in frames:
        try:
            s.send(damaged(frame) if shuffle else frame)
            sent += 1
        except OSError:
            # Down, or full.
            pass
    time.sleep(0.001 * len(frames))
print('sent', sent, flush=True)
