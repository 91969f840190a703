// The queue of uploads and its list on the page: one at a time, each with its progress and a way to cancel it.

import { bytes } from '../shared/board.js';
import { element, setText, words } from '../shared/dom.js';
import { makeDirectory, uploadFile } from '../shared/protocol.js';

/** @typedef {{name: string, file: File}} Upload `name` may hold slashes: a file in a folder that was dropped */

export class Uploads {
  #list;
  #onDone;
  /** @type {Promise<void>} */
  #last = Promise.resolve();
  #waiting = 0;
  /** Directories that were made, so that each is asked for once. @type {Set<string>} */
  #made = new Set();

  /** @param {HTMLElement} list @param {() => Promise<void>} onDone called when nothing waits any more */
  constructor(list, onDone) {
    this.#list = list;
    this.#onDone = onDone;
  }

  /** @param {string} folder @param {Upload[]} uploads */
  add(folder, uploads) {
    if (this.#waiting === 0) this.#made.clear();
    for (const upload of uploads) {
      const run = this.#item(folder, upload);
      this.#waiting += 1;
      this.#last = this.#last.then(run).then(() => this.#finished());
    }
  }

  async #finished() {
    this.#waiting -= 1;
    if (this.#waiting === 0) await this.#onDone();
  }

  /**
   * Lists an upload.
   * @param {string} folder
   * @param {Upload} upload
   * @returns {() => Promise<void>} does it
   */
  #item(folder, { name, file }) {
    const cancel = new AbortController();
    const progress = element('progress', { max: Math.max(file.size, 1), value: 0, 'aria-label': name });
    const state = element('span', { class: 'hint', role: 'status' }, 'Waiting');
    const stop = element('button', { type: 'button', 'aria-label': `Cancel ${name}`, onclick: () => cancel.abort() }, 'Cancel');
    const item = element('li', {}, element('span', { class: 'name' }, name), progress, state, stop);
    this.#list.append(item);
    const onProgress = (/** @type {number} */ sent) => {
      progress.value = sent;
      // The last bytes have left: from here on the board writes.
      setText(state, sent < file.size ? `${bytes(sent)} of ${bytes(file.size)}` : 'Writing');
    };
    return async () => {
      try {
        await this.#makeParent(folder, name, cancel.signal);
        await uploadFile(folder + name, file, { onProgress, signal: cancel.signal });
        item.remove();
      } catch (error) {
        progress.remove();
        state.className = 'failed';
        setText(state, words(error));
        stop.replaceWith(
          element('button', { type: 'button', 'aria-label': `Dismiss ${name}`, onclick: () => item.remove() }, 'Dismiss'),
        );
      }
    };
  }

  /** @param {string} folder @param {string} name @param {AbortSignal} signal */
  async #makeParent(folder, name, signal) {
    const slash = name.lastIndexOf('/');
    const parent = folder + name.slice(0, slash + 1);
    if (slash < 0 || signal.aborted || this.#made.has(parent)) return;
    await makeDirectory(parent);
    this.#made.add(parent);
  }
}
