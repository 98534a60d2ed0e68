#!/usr/bin/python3
"""Scanner -> SQLite outbox -> HTTP: what an integrator writes in an afternoon."""
import logging
import sqlite3
import sys
import threading
import time

import requests
import serial

PORT, DB, URL = sys.argv[1], sys.argv[2], sys.argv[3]
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("station")
wake = threading.Event()


def db():
    c = sqlite3.connect(DB, timeout=10)
    c.execute("PRAGMA journal_mode=WAL")
    c.execute("PRAGMA synchronous=FULL")
    return c


def record(con, code):
    with con:
        con.execute("INSERT INTO outbox(code, at) VALUES(?, ?)", (code, time.time()))
    wake.set()


def sender():
    con = db()
    http = requests.Session()
    while True:
        row = con.execute("SELECT id, code FROM outbox ORDER BY id LIMIT 1").fetchone()
        if row is None:
            wake.wait(1)
            wake.clear()
            continue
        try:
            r = http.post(URL, data={"code": row[1]}, timeout=10)
            if r.status_code == 200:
                with con:
                    con.execute("DELETE FROM outbox WHERE id=?", (row[0],))
                continue
            log.warning("server said %s", r.status_code)
        except requests.RequestException as e:
            log.warning("send failed: %s", e)
        time.sleep(5)


def main():
    con = db()
    con.execute("CREATE TABLE IF NOT EXISTS outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, at REAL NOT NULL)")
    con.commit()
    threading.Thread(target=sender, daemon=True).start()
    while True:
        try:
            with serial.Serial(PORT, 9600) as line:
                while True:
                    code = line.read_until(b"\r").strip().decode("ascii", "replace")
                    if code:
                        record(con, code)
        except serial.SerialException as e:
            log.error("serial: %s", e)
            time.sleep(2)


main()
