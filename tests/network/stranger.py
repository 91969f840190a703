#!/usr/bin/env python3
"""A stranger on the network: speaks multicast DNS over IPv4 without any Avahi, and need not keep to its rules.

    stranger.py INTERFACE

Each line of the input is a JSON object, an order; each line of the output a record that somebody else sent, or the
answer to an order.

    {"say": [RECORD...]}          sends records once, as many in a packet as fit
    {"hold": [RECORD...]}         announces records and answers questions for them from then on
    {"let_go": true}              says goodbye to all that is held
    {"flood": {"services": N, "first": I, "address": "10.0.0.1", "ttl": SECONDS}}
                                  announces N services of N hosts, numbered from I; 0 s is a goodbye for them
    {"ask": {"name": NAME, "type": TYPE}}
                                  sends a question
    {"bytes": "00ff..."}          sends a packet of these bytes

Orders are answered by {"done": ORDER} when they are. RECORD is
{"name": NAME, "type": "A"|"AAAA"|"PTR"|"SRV"|"TXT", "data": DATA, "ttl": SECONDS, "unique": BOOL}, NAME a string
with dots or a list of labels, a label "hex:ff00" any bytes. DATA is an address, a NAME for PTR, [PORT, NAME] for SRV, a list of
strings for TXT.
"""

import json
import select
import socket
import struct
import sys

GROUP, PORT = "224.0.0.251", 5353
TYPES = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}
ANY = 255
RESPONSE = 0x8400
LARGEST = 1400


def label(text):
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def encoded_name(name):
    labels = name.rstrip(".").split(".") if isinstance(name, str) else name
    raw = [label(text) for text in labels]
    return b"".join(bytes([len(text)]) + text for text in raw) + b"\0"


def encoded_data(kind, data):
    if kind == "A":
        return socket.inet_aton(data)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, data)
    if kind == "PTR":
        return encoded_name(data)
    if kind == "SRV":
        return struct.pack("!HHH", 0, 0, data[0]) + encoded_name(data[1])
    texts = [label(text) for text in data] or [b""]
    return b"".join(bytes([len(text)]) + text for text in texts)


def encoded(record, ttl=None):
    kind = record["type"]
    data = encoded_data(kind, record["data"])
    group = 1 | (0x8000 if record.get("unique") else 0)
    ttl = record.get("ttl", 120) if ttl is None else ttl
    return encoded_name(record["name"]) + struct.pack("!HHIH", TYPES[kind], group, ttl, len(data)) + data


def packets(records):
    """Records, already encoded, in as few packets as they fit in."""
    count, body = 0, b""
    for record in records:
        if body and len(body) + len(record) > LARGEST:
            yield struct.pack("!6H", 0, RESPONSE, 0, count, 0, 0) + body
            count, body = 0, b""
        count, body = count + 1, body + record
    if body:
        yield struct.pack("!6H", 0, RESPONSE, 0, count, 0, 0) + body


def decoded_name(packet, at):
    """The labels from `at`, and where what follows begins."""
    labels, end = [], None
    for _ in range(128):
        length = packet[at]
        if length >= 0xC0:
            end = at + 2 if end is None else end
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        elif length == 0:
            return labels, at + 1 if end is None else end
        else:
            labels.append(packet[at + 1 : at + 1 + length])
            at += 1 + length
    raise ValueError("a name that leads into itself")


def text(labels):
    return ".".join(part.decode(errors="backslashreplace") for part in labels)


def questions_and_records(packet):
    """What a packet asks for, as (labels, type), and what it says, as records."""
    _, flags, asked, answers, authorities, additionals = struct.unpack_from("!6H", packet)
    at, questions, records = 12, [], []
    for _ in range(asked):
        labels, at = decoded_name(packet, at)
        questions.append((labels, struct.unpack_from("!H", packet, at)[0]))
        at += 4
    if not flags & 0x8000:
        return questions, records
    for _ in range(answers + authorities + additionals):
        labels, at = decoded_name(packet, at)
        kind, group, ttl, length = struct.unpack_from("!HHIH", packet, at)
        at += 10
        if kind in NAMES:
            records.append(
                {
                    "name": text(labels),
                    "type": NAMES[kind],
                    "ttl": ttl,
                    "unique": bool(group & 0x8000),
                    "data": decoded_data(NAMES[kind], packet, at, length),
                }
            )
        at += length
    return questions, records


def decoded_data(kind, packet, at, length):
    if kind == "A":
        return socket.inet_ntoa(packet[at : at + length])
    if kind == "AAAA":
        return socket.inet_ntop(socket.AF_INET6, packet[at : at + length])
    if kind == "PTR":
        return text(decoded_name(packet, at)[0])
    if kind == "SRV":
        return [struct.unpack_from("!H", packet, at + 4)[0], text(decoded_name(packet, at + 6)[0])]
    return packet[at : at + length].decode(errors="backslashreplace")


def service(number, address):
    """A board that there is none of."""
    host = f"flood-{number}.local"
    instance = [f"Flood {number}", "_circuitpython", "_tcp", "local"]
    kind = "_circuitpython._tcp.local"
    yield {"name": kind, "type": "PTR", "data": instance, "ttl": 4500}
    yield {"name": instance, "type": "SRV", "data": [80, host], "unique": True}
    yield {"name": instance, "type": "TXT", "data": [], "unique": True}
    yield {"name": host, "type": "A", "data": address, "unique": True}


class Stranger:
    def __init__(self, interface):
        index = socket.if_nametoindex(interface)
        everywhere = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), index)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, everywhere)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, everywhere)
        self.socket.bind(("", PORT))
        self.held = []

    def send(self, packet):
        self.socket.sendto(packet, (GROUP, PORT))

    def say(self, records, ttl=None):
        for packet in packets([encoded(record, ttl) for record in records]):
            self.send(packet)

    def obey(self, order):
        if "say" in order:
            self.say(order["say"])
        if "hold" in order:
            # A unique record takes the place of the one that it was.
            new = [(record["name"], record["type"]) for record in order["hold"] if record.get("unique")]
            self.held = [record for record in self.held if (record["name"], record["type"]) not in new]
            self.held += order["hold"]
            self.say(order["hold"])
        if "let_go" in order:
            self.say(self.held, ttl=0)
            self.held = []
        if "flood" in order:
            flood = order["flood"]
            numbers = range(flood.get("first", 0), flood.get("first", 0) + flood["services"])
            records = [record for number in numbers for record in service(number, flood["address"])]
            self.say(records, flood.get("ttl"))
        if "ask" in order:
            question = encoded_name(order["ask"]["name"]) + struct.pack("!HH", TYPES[order["ask"]["type"]], 1)
            self.send(struct.pack("!6H", 0, 0, 1, 0, 0, 0) + question)
        if "bytes" in order:
            self.send(bytes.fromhex(order["bytes"]))
        print(json.dumps({"done": order}), flush=True)

    def hear(self):
        packet, (source, _) = self.socket.recvfrom(9000)
        try:
            questions, records = questions_and_records(packet)
        except (IndexError, ValueError, struct.error):
            return
        for record in records:
            print(json.dumps({"from": source, **record}), flush=True)
        asked = {(encoded_name([f"hex:{part.hex()}" for part in labels]).lower(), kind) for labels, kind in questions}
        answers = [
            record
            for record in self.held
            for kind in (TYPES[record["type"]], ANY)
            if (encoded_name(record["name"]).lower(), kind) in asked
        ]
        if answers:
            self.say(answers)

    def run(self):
        print(json.dumps({"done": "joined"}), flush=True)
        # Not sys.stdin's own buffer: select() does not see what lies in it.
        orders = b""
        while True:
            ready, _, _ = select.select([self.socket, 0], [], [])
            if self.socket in ready:
                self.hear()
            if 0 in ready:
                more = sys.stdin.buffer.raw.read(1 << 16)
                if not more:
                    return
                *lines, orders = (orders + more).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))


if __name__ == "__main__":
    Stranger(sys.argv[1]).run()
