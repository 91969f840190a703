// The terminal on the page: draws a Screen, and turns keys, pasted text and phone keyboards into characters.
// It does not know where the text comes from or where the characters go.

import { element } from './dom.js';
import { charactersFor, difference, pasted } from './keys.js';
import { Screen } from './screen.js';

const MOST_LINES = 5000;

/** Lines are drawn in blocks of this many, and dropped a block at a time: few elements, and cheap to scroll. */
const BLOCK_LINES = 100;

/** A character for Backspace to delete: phones say nothing of a Backspace in an empty field. */
const SENTINEL = '\u200b';

export class Terminal {
  #screen = new Screen(MOST_LINES);
  #onKeys;
  #onTitle;
  #title = '';
  #frame = 0;
  /** @type {string[]} the lines of the last block */
  #lines = [];
  /** What the field held when it was last looked at. */
  #typed = SENTINEL;

  #blocks = element('div');
  #before = new Text();
  #under = element('span', { class: 'cursor' });
  #after = new Text();
  #view = element(
    'div',
    { class: 'screen', role: 'log', 'aria-live': 'off', 'aria-label': 'What the board says' },
    this.#blocks,
    element('div', {}, this.#before, this.#under, this.#after),
  );
  #field = element('textarea', {
    'aria-label': 'Keys for the board (Shift-Tab leaves the terminal)',
    autocomplete: 'off',
    autocapitalize: 'none',
    autocorrect: 'off',
    spellcheck: 'false',
    rows: 1,
  });

  element = element('div', { class: 'terminal', tabindex: -1 }, this.#view, this.#field);

  /** @param {{onKeys: (characters: string) => void, onTitle: (title: string) => void}} events */
  constructor({ onKeys, onTitle }) {
    this.#onKeys = onKeys;
    this.#onTitle = onTitle;
    this.element.addEventListener('keydown', (event) => this.#pressed(event));
    this.element.addEventListener('paste', (event) => this.#pasted(event));
    this.element.addEventListener('click', () => {
      // A selection must survive: the field takes the focus only of a plain click or tap.
      if (getSelection()?.isCollapsed ?? true) this.focus();
    });
    this.#field.addEventListener('input', (event) => this.#input(/** @type {InputEvent} */ (event)));
    this.#field.addEventListener('compositionend', () => this.#sendTyped(false));
    this.#emptyField();
    this.#draw();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** @param {string} text */
  write(text) {
    this.#screen.write(text);
    this.#drawSoon();
  }

  /** Writes a line of the page's own. @param {string} text */
  note(text) {
    this.#screen.note(text);
    this.#drawSoon();
  }

  clear() {
    this.#screen.clear();
    this.#drawSoon();
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const view = this.#view;
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 24;
    const { cleared, finished } = this.#screen.take();
    if (cleared) {
      this.#blocks.replaceChildren();
      this.#lines = [];
    }
    this.#drawLines(finished);
    this.#drawLine();
    if (atEnd) view.scrollTop = view.scrollHeight;
    if (this.#screen.title !== this.#title) {
      this.#title = this.#screen.title;
      this.#onTitle(this.#title);
    }
  }

  /** @param {string[]} finished */
  #drawLines(finished) {
    for (let at = 0; at < finished.length; ) {
      let block = this.#blocks.lastElementChild;
      if (!block || this.#lines.length >= BLOCK_LINES) {
        block = this.#blocks.appendChild(element('div'));
        this.#lines = [];
      }
      const fitting = finished.slice(at, at + BLOCK_LINES - this.#lines.length);
      this.#lines.push(...fitting);
      // The last newline is drawn too: without it an empty last line would have no height.
      block.textContent = `${this.#lines.join('\n')}\n`;
      at += fitting.length;
    }
    while (this.#blocks.childElementCount > MOST_LINES / BLOCK_LINES) this.#blocks.firstElementChild?.remove();
  }

  #drawLine() {
    const { line, cursor } = this.#screen;
    const under = line.codePointAt(cursor);
    const character = under === undefined ? ' ' : String.fromCodePoint(under);
    this.#before.data = line.slice(0, cursor);
    this.#under.textContent = character;
    this.#after.data = under === undefined ? '' : line.slice(cursor + character.length);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === 'PageUp' || event.key === 'PageDown') {
      const page = this.#view.clientHeight * 0.9;
      this.#view.scrollBy(0, event.key === 'PageUp' ? -page : page);
      event.preventDefault();
      return;
    }
    const selected = !(getSelection()?.isCollapsed ?? true);
    const characters = charactersFor(event, selected);
    if (characters !== null) {
      event.preventDefault();
      this.#send(characters);
    }
    // What the browser does with the key (paste, an input method) it does in the field; a copy needs the selection.
    if (event.target !== this.#field && !selected) this.focus();
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    event.preventDefault();
    this.#send(pasted(event.clipboardData?.getData('text/plain') ?? ''));
  }

  /** @param {InputEvent} event */
  #input(event) {
    // A phone composes every word and shows it nowhere but here: it goes to the board letter by letter. An input
    // method at a real keyboard has a window of its own, and what it composes is sent when it is done.
    const phone = matchMedia('(pointer: coarse)').matches;
    if (!event.isComposing || phone) this.#sendTyped(event.isComposing);
  }

  /** @param {boolean} composing */
  #sendTyped(composing) {
    this.#send(difference(this.#typed, this.#field.value));
    this.#typed = this.#field.value;
    if (!composing) this.#emptyField();
  }

  #emptyField() {
    this.#field.value = SENTINEL;
    this.#typed = SENTINEL;
  }

  /** @param {string} characters */
  #send(characters) {
    if (!characters) return;
    this.#view.scrollTop = this.#view.scrollHeight;
    this.#onKeys(characters);
  }
}
