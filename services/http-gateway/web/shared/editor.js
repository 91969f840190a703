// The editor of one text file: a text field with its state, saving, and care that no text is lost. It does not
// know which page it stands on or how a file is chosen.

import { chosen, confirmed } from './ask.js';
import { element, setText, words } from './dom.js';
import { NOTHING_THERE, Refused, fileUrl, readFile, writeFile } from './protocol.js';

/** @typedef {import('./protocol.js').Expected} Expected */

const INDENT = '    ';
const OVERTAKEN = 'Somebody else has changed this file meanwhile.';

export class Editor {
  #path = '/';
  /** The text as it is on the board, or null while there is none that could be saved. */
  /** @type {string | null} */
  #stored = null;
  /** What is on the board as far as is known here: somebody else may save it, too. */
  /** @type {Expected} */
  #expected = {};
  #lineEnd = '\n';
  /** Counts what was opened, so that a late answer for another file is dropped. */
  #opened = 0;
  #saving = false;
  #saveAgain = false;
  /** After Escape, Tab leaves the field instead of indenting. */
  #tabLeaves = false;
  #onChange;

  #name = element('span', { class: 'path' });
  #mark = element('span', { class: 'unsaved', hidden: true }, 'unsaved');
  #message = element('p', { class: 'message', role: 'status', hidden: true });
  #warning = element('p', { class: 'message', hidden: true });
  #save = element('button', { type: 'button', class: 'main', title: 'Ctrl-S', onclick: () => this.save() }, 'Save');
  #field = element('textarea', {
    class: 'code',
    wrap: 'off',
    autocomplete: 'off',
    autocapitalize: 'none',
    autocorrect: 'off',
    spellcheck: 'false',
    'aria-label': 'Text of the file (Escape, then Tab leaves the field)',
    oninput: () => this.#changed(),
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event),
  });
  element = element(
    'section',
    { class: 'panel', 'aria-label': 'Editor' },
    element(
      'div',
      { class: 'tools' },
      this.#name,
      this.#mark,
      element(
        'span',
        { class: 'buttons' },
        element('button', { type: 'button', onclick: () => this.#loadAgain() }, 'Load again'),
        this.#save,
      ),
    ),
    this.#warning,
    this.#message,
    this.#field,
  );

  /** @param {() => void} onChange called whenever the path or the unsaved mark may have changed */
  constructor(onChange) {
    this.#onChange = onChange;
    addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 's') {
        event.preventDefault();
        this.save();
      }
    });
    addEventListener('beforeunload', (event) => {
      if (this.unsaved) event.preventDefault();
    });
  }

  get path() {
    return this.#path;
  }

  get unsaved() {
    return this.#stored !== null && this.#field.value !== this.#stored;
  }

  /** Says beforehand that saving will fail, or with an empty text that it will not. @param {string} text */
  warn(text) {
    this.#warning.hidden = !text;
    setText(this.#warning, text);
  }

  /**
   * Loads a file. What stood here before is gone.
   * @param {string} path
   * @returns {Promise<boolean>} did the gateway let us in
   */
  async open(path) {
    const turn = ++this.#opened;
    this.#path = path;
    this.#show('');
    this.#say('Loading', 'calm');
    try {
      const { content, found } = await readFile(path);
      if (turn === this.#opened) {
        this.#expected = found;
        this.#showContent(content);
      }
    } catch (error) {
      if (turn !== this.#opened) return false;
      const status = error instanceof Refused ? error.status : 0;
      if (status === 404 && !path.endsWith('/')) {
        this.#expected = NOTHING_THERE;
        this.#show('', '');
        this.#say('There is no such file yet: saving makes it.', 'calm');
      } else {
        this.#say(words(error), 'failed');
        return status !== 401 && status !== 403;
      }
    }
    return true;
  }

  /** Sends the text to the board. Where that fails it stays here, marked as unsaved. */
  async save() {
    if (this.#stored === null) return;
    if (this.#saving) {
      this.#saveAgain = true;
      return;
    }
    this.#saving = true;
    const turn = this.#opened;
    const text = this.#field.value;
    this.#say('Saving', 'calm');
    let overtaken = false;
    try {
      const found = await writeFile(this.#path, text.replaceAll('\n', this.#lineEnd), this.#expected);
      if (turn === this.#opened) {
        this.#expected = found;
        this.#stored = text;
        this.#say(`Saved at ${new Date().toLocaleTimeString()}.`, 'calm');
      }
    } catch (error) {
      overtaken = turn === this.#opened && error instanceof Refused && error.status === 412;
      const reason = overtaken ? OVERTAKEN : words(error);
      if (turn === this.#opened) this.#say(`Not saved. ${reason}`, 'failed');
    }
    if (overtaken) await this.#askWhose(turn);
    this.#saving = false;
    this.#changed();
    if (this.#saveAgain) {
      this.#saveAgain = false;
      await this.save();
    }
  }

  /** Lets the person choose between what stands here and what somebody else has saved. @param {number} turn */
  async #askWhose(turn) {
    const question = `${OVERTAKEN} What you wrote is still here. Loading theirs drops it; overwriting drops theirs.`;
    const answer = await chosen(question, { load: 'Load theirs', overwrite: 'Overwrite theirs' });
    if (turn !== this.#opened) return;
    this.#saveAgain = answer === 'overwrite';
    if (answer === 'overwrite') this.#expected = {};
    if (answer === 'load') await this.open(this.#path);
  }

  async #loadAgain() {
    if (this.unsaved && !(await confirmed('What you changed here is not saved. Load the file from the board?', 'Load'))) return;
    await this.open(this.#path);
  }

  /** @param {ArrayBuffer} content */
  #showContent(content) {
    const text = asText(content);
    if (text === null) {
      this.#say('This file is not text, so it cannot be edited here. ', 'failed');
      this.#message.append(element('a', { href: fileUrl(this.#path), download: '' }, 'Download it'));
      return;
    }
    this.#lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
    this.#show(text, text.replace(/\r\n?/g, '\n'));
    const same = text === this.#field.value.replaceAll('\n', this.#lineEnd);
    this.#say(same ? '' : 'The lines of this file end in different ways: saving makes them all alike.', 'note');
  }

  /**
   * Puts a text into the field, with the cursor at its beginning.
   * @param {string} text
   * @param {string | null} [stored] the text as the field holds it; without it the field stays shut
   */
  #show(text, stored = null) {
    this.#field.value = text;
    this.#field.setSelectionRange(0, 0);
    this.#field.disabled = stored === null;
    this.#save.disabled = stored === null;
    this.#stored = stored;
    setText(this.#name, this.#path);
    this.#changed();
  }

  #changed() {
    this.#mark.hidden = !this.unsaved;
    this.#onChange();
  }

  /** @param {string} text @param {"calm" | "note" | "failed"} tone */
  #say(text, tone) {
    this.#message.hidden = !text;
    this.#message.className = `message ${tone}`;
    setText(this.#message, text);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (event.key === 'Tab' && plain && !this.#tabLeaves) {
      event.preventDefault();
      if (event.shiftKey) this.#unindent();
      else this.#indent();
    } else if (event.key === 'Enter' && plain && !event.shiftKey) {
      event.preventDefault();
      const indent = /^[ \t]*/.exec(this.#lineToCursor())?.[0] ?? '';
      insert(this.#field, `\n${indent}`);
    }
    if (event.key !== 'Shift') this.#tabLeaves = event.key === 'Escape';
  }

  /** Spaces up to the next stop, or before every line of a selection. */
  #indent() {
    const { selectionStart: start, selectionEnd: end, value } = this.#field;
    if (!value.slice(start, end).includes('\n')) {
      insert(this.#field, INDENT.slice(this.#lineToCursor().length % INDENT.length));
    } else {
      this.#changeLines((line) => (line ? INDENT + line : line));
    }
  }

  #unindent() {
    this.#changeLines((line) => line.replace(/^(?: {1,4}|\t)/, ''));
  }

  #lineToCursor() {
    const { selectionStart, value } = this.#field;
    return value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart);
  }

  /** Changes every line that the selection touches, and selects them. @param {(line: string) => string} change */
  #changeLines(change) {
    const { selectionStart, selectionEnd, value } = this.#field;
    const start = selectionStart === 0 ? 0 : value.lastIndexOf('\n', selectionStart - 1) + 1;
    // A selection that ends at the beginning of a line does not touch that line.
    const last = selectionEnd > selectionStart && value[selectionEnd - 1] === '\n' ? selectionEnd - 1 : selectionEnd;
    const next = value.indexOf('\n', last);
    const end = next < 0 ? value.length : next;
    const lines = value.slice(start, end);
    const changed = lines.split('\n').map(change).join('\n');
    if (changed === lines) return;
    this.#field.setSelectionRange(start, end);
    insert(this.#field, changed);
    if (lines.includes('\n')) this.#field.setSelectionRange(start, start + changed.length);
    else this.#field.setSelectionRange(...within(start, selectionStart, selectionEnd, changed.length - lines.length));
  }
}

/**
 * Where a selection goes when its line grows or shrinks at the beginning.
 * @param {number} start @param {number} from @param {number} to @param {number} by
 * @returns {[number, number]}
 */
function within(start, from, to, by) {
  return [Math.max(start, from + by), Math.max(start, to + by)];
}

/** Inserts as if typed. Deprecated as it is, nothing else keeps the field's undo. @param {HTMLTextAreaElement} field @param {string} text */
function insert(field, text) {
  if (text === '' ? document.execCommand('delete') : document.execCommand('insertText', false, text)) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
  field.dispatchEvent(new Event('input'));
}

/** The bytes as text, or null where they are none. @param {ArrayBuffer} content */
function asText(content) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
