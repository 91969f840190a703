// The line to a board's console: one WebSocket that comes back by itself. Knows nothing of terminals.

import { consoleUrl } from './protocol.js';

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;

/** A connection that lived this long was a good one: the next delay is short again. */
const GOOD_MS = 5000;

/** Long text goes out in pieces of at most this many characters. */
const PIECE = 1024;

/** @typedef {{kind: "connecting"} | {kind: "open"} | {kind: "broken", seconds: number, reason: string}} LineState */

export class ConsoleLine {
  #onText;
  #onState;
  /** @type {WebSocket | null} */
  #socket = null;
  #delay = FIRST_DELAY_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {{onText: (text: string) => void, onState: (state: LineState) => void}} events */
  constructor({ onText, onState }) {
    this.#onText = onText;
    this.#onState = onState;
    const comeBack = () => {
      if (!this.#socket && document.visibilityState === 'visible') this.#connect();
    };
    addEventListener('online', comeBack);
    document.addEventListener('visibilitychange', comeBack);
    this.#connect();
  }

  /**
   * Sends text in order. An empty text is never sent: it stops the input of a Wi-Fi board for good.
   * @param {string} text
   * @returns {boolean} false where there is no connection
   */
  send(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    // In the u mode a piece is counted in characters, so none is cut in two.
    for (const piece of text.match(new RegExp(`[^]{1,${PIECE}}`, 'gu')) ?? []) this.#socket.send(piece);
    return true;
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#onState({ kind: 'connecting' });
    const socket = new WebSocket(consoleUrl());
    const began = Date.now();
    this.#socket = socket;
    socket.onopen = () => this.#onState({ kind: 'open' });
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#onText(data);
    };
    socket.onclose = ({ reason }) => {
      this.#socket = null;
      if (Date.now() - began > GOOD_MS) this.#delay = FIRST_DELAY_MS;
      this.#onState({ kind: 'broken', seconds: this.#delay / 1000, reason });
      this.#timer = setTimeout(() => this.#connect(), this.#delay);
      this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    };
  }
}
