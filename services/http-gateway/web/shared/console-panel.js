// A board's console as a part of a page: the terminal, its line to the board, the state of both and the buttons.

import { ConsoleLine } from './console.js';
import { element, setText } from './dom.js';
import { Terminal } from './terminal.js';

/** @typedef {import('./console.js').LineState} LineState */

export class ConsolePanel {
  /** @type {ConsoleLine | null} */
  #line = null;
  #wasOpen = false;
  #title = element('span', { class: 'console-title' });
  #state = element('span', { class: 'state calm', role: 'status' }, 'Not connected');
  #terminal;
  element;

  /** @param {{onTitle?: (title: string) => void}} [events] */
  constructor({ onTitle } = {}) {
    this.#terminal = new Terminal({
      onKeys: (characters) => this.#line?.send(characters),
      onTitle: (title) => {
        setText(this.#title, title);
        onTitle?.(title);
      },
    });
    this.element = element(
      'section',
      { class: 'panel', 'aria-label': 'Console' },
      element(
        'div',
        { class: 'tools' },
        this.#state,
        this.#title,
        element(
          'span',
          { class: 'buttons' },
          this.#button('Ctrl-C', 'Stop the running code', () => this.#line?.send('\x03')),
          this.#button('Ctrl-D', 'At the prompt: leave it and run the code again', () => this.#line?.send('\x04')),
          this.#button('Clear', 'Clear this screen; the board does not notice', () => this.#terminal.clear()),
        ),
      ),
      this.#terminal.element,
    );
  }

  connect() {
    this.#line ??= new ConsoleLine({
      onText: (text) => this.#terminal.write(text),
      onState: (state) => this.#show(state),
    });
  }

  focus() {
    this.#terminal.focus();
  }

  /** @param {string} label @param {string} title @param {() => void} action */
  #button(label, title, action) {
    const pressed = () => {
      action();
      // On a phone the focus would bring the keyboard up.
      if (!matchMedia('(pointer: coarse)').matches) this.focus();
    };
    return element('button', { type: 'button', title, onclick: pressed }, label);
  }

  /** @param {LineState} state */
  #show(state) {
    switch (state.kind) {
      case 'connecting':
        this.#say('Connecting', 'warn');
        break;
      case 'open':
        // What the board said lately comes once more now, in case something was missed.
        if (this.#wasOpen) this.#terminal.note('--- connected again; what the board said lately follows ---');
        this.#wasOpen = true;
        this.#say('Connected', 'good');
        break;
      case 'broken':
        this.#say(`${state.reason || 'Not connected'}; trying again in ${state.seconds} s`, 'bad');
        break;
    }
  }

  /** @param {string} text @param {string} tone */
  #say(text, tone) {
    setText(this.#state, text);
    this.#state.className = `state ${tone}`;
  }
}
