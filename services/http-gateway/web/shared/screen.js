// What a console's text looks like: the model below the terminal. A stream of text goes in; lines come out.
// It knows nothing of the page.
//
// CircuitPython's consoles edit only the line that the cursor stands on, so that is all that is modelled:
// finished lines, one line being written, and a place in it. Lines are as long as they are; the page wraps them.

/** A longer line is cut, so that a board that never ends a line cannot make the page slow. */
const LONGEST_LINE = 4096;

/** A longer escape sequence is no escape sequence. */
const LONGEST_SEQUENCE = 4096;

const PRINTABLE = /[^\x00-\x1f\x7f]+/y;
const CONTROL_SEQUENCE = /\x1b\[([0-?]*)[ -/]*([@-~])/y;
const SYSTEM_COMMAND = /\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\)/y;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$/y;

export class Screen {
  /** @type {string[]} finished lines that have not been taken */
  #finished = [];
  #cleared = false;
  /** The beginning of an escape sequence whose end has not come yet. */
  #unfinished = '';
  #most;

  /** The line that is being written. */
  line = '';
  /** Where in the line the next character goes. */
  cursor = 0;
  /** The last title that the board sent (OSC 0 or 2). */
  title = '';

  /** @param {number} most how many finished lines are kept */
  constructor(most) {
    this.#most = most;
  }

  /** @param {string} text */
  write(text) {
    const input = this.#unfinished + text;
    this.#unfinished = '';
    let at = 0;
    while (at < input.length) {
      PRINTABLE.lastIndex = at;
      const printable = PRINTABLE.exec(input);
      if (printable) {
        this.#print(printable[0]);
        at = PRINTABLE.lastIndex;
      } else if (input[at] === '\x1b') {
        at = this.#escape(input, at);
      } else {
        this.#control(input[at]);
        at += 1;
      }
    }
    if (this.#finished.length > 2 * this.#most) this.#finished = this.#finished.slice(-this.#most);
  }

  /** Writes a line of the page's own between what the board says. @param {string} text */
  note(text) {
    this.#unfinished = '';
    if (this.line) this.#endLine();
    this.#print(text);
    this.#endLine();
  }

  clear() {
    this.#finished = [];
    this.#cleared = true;
    this.line = '';
    this.cursor = 0;
  }

  /** What changed since the last time: were the lines cleared, and which lines were finished after that. */
  take() {
    const taken = { cleared: this.#cleared, finished: this.#finished.slice(-this.#most) };
    this.#cleared = false;
    this.#finished = [];
    return taken;
  }

  /** @param {string} text */
  #print(text) {
    while (this.cursor + text.length > LONGEST_LINE) {
      const cut = boundary(text, Math.max(LONGEST_LINE - this.cursor, 0));
      this.#put(text.slice(0, cut));
      this.#endLine();
      text = text.slice(cut);
    }
    this.#put(text);
  }

  /** Writes over what stands there, character for character. @param {string} text */
  #put(text) {
    let end = this.cursor;
    if (end < this.line.length) {
      for (const _ of text) end = right(this.line, end);
    }
    this.line = this.line.slice(0, this.cursor) + text + this.line.slice(end);
    this.cursor += text.length;
  }

  #endLine() {
    this.#finished.push(this.line);
    this.line = '';
    this.cursor = 0;
  }

  /** @param {string} control */
  #control(control) {
    if (control === '\n') this.#endLine();
    else if (control === '\r') this.cursor = 0;
    else if (control === '\b') this.cursor = left(this.line, this.cursor);
    else if (control === '\t') this.#print(' '.repeat(8 - (this.cursor % 8)));
  }

  /** Handles the escape sequence that begins here; gives the place behind it. @param {string} input @param {number} at */
  #escape(input, at) {
    CONTROL_SEQUENCE.lastIndex = at;
    const control = CONTROL_SEQUENCE.exec(input);
    if (control) {
      this.#edit(control[2], control[1]);
      return CONTROL_SEQUENCE.lastIndex;
    }
    SYSTEM_COMMAND.lastIndex = at;
    const command = SYSTEM_COMMAND.exec(input);
    if (command) {
      const title = /^[02];(.*)$/s.exec(command[1]);
      if (title) this.title = title[1];
      return SYSTEM_COMMAND.lastIndex;
    }
    UNFINISHED.lastIndex = at;
    if (input.length - at <= LONGEST_SEQUENCE && UNFINISHED.test(input)) {
      this.#unfinished = input.slice(at);
      return input.length;
    }
    // Not one of ours: ESC goes, and the character that it introduces.
    return at + (/[ -~]/.test(input[at + 1]) ? 2 : 1);
  }

  /** @param {string} final @param {string} parameter */
  #edit(final, parameter) {
    const times = Math.min(Number.parseInt(parameter, 10) || 0, LONGEST_LINE);
    switch (final) {
      case 'D':
        for (let step = 0; step < (times || 1); step += 1) this.cursor = left(this.line, this.cursor);
        break;
      case 'C':
        for (let step = 0; step < (times || 1); step += 1) {
          if (this.cursor >= this.line.length && this.line.length < LONGEST_LINE) this.line += ' ';
          this.cursor = right(this.line, this.cursor);
        }
        break;
      case 'K':
        this.#erase(times);
        break;
      case 'J':
        if (times >= 2) this.clear();
        else this.#erase(times);
        break;
      // All others, colours among them, change nothing here.
    }
  }

  /** Erases in the line: 0 from the cursor on, 1 up to it, 2 all. @param {number} what */
  #erase(what) {
    const kept = what === 0 ? '' : this.line.slice(this.cursor);
    const head = what === 0 ? this.line.slice(0, this.cursor) : ' '.repeat(this.cursor);
    this.line = what === 2 ? head : head + kept;
  }
}

/** The place one character to the left; a surrogate pair is one character. @param {string} line @param {number} at */
const left = (line, at) => (at === 0 ? 0 : boundary(line, at - 1));

/** @param {string} line @param {number} at */
const right = (line, at) => Math.min(at + ((line.codePointAt(at) ?? 0) > 0xffff ? 2 : 1), line.length);

/** The place itself, or the one before where it lies within a surrogate pair. @param {string} text @param {number} at */
function boundary(text, at) {
  const split = at > 0 && at < text.length && (text.codePointAt(at - 1) ?? 0) > 0xffff;
  return split ? at - 1 : at;
}
