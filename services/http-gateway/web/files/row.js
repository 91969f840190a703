// A row of the file list: what an entry is, and what can be done with it.

import { bytes } from '../shared/board.js';
import { element } from '../shared/dom.js';
import { editUrl, fileUrl } from '../shared/protocol.js';

/** @typedef {import('../shared/protocol.js').Entry} Entry */

/** Files that the editor is offered for. It refuses by itself what is not text. */
const TEXT = /\.(?:py|pyi|txt|toml|json|md|csv|log|ini|cfg|conf|xml|svg|html|css|js|ya?ml)$/i;

/** FAT's time begins with 1980: an earlier one, in whatever zone, is none. */
const FIRST_TIME_NS = Date.UTC(1980, 0, 2) * 1e6;

/**
 * @param {string} folder
 * @param {Entry} entry
 * @param {boolean} writable
 * @param {{rename: (entry: Entry) => void, remove: (entry: Entry) => void}} actions
 */
export function entryRow(folder, entry, writable, { rename, remove }) {
  const { name, directory } = entry;
  const path = folder + name;
  const href = directory ? fileUrl(`${path}/`) : fileUrl(path);
  /** @param {string} label @param {() => void} onclick */
  const button = (label, onclick) =>
    element('button', { type: 'button', 'aria-label': `${label} ${name}`, disabled: !writable, onclick }, label);
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, element('a', { href, class: directory ? 'folder' : 'file' }, directory ? `${name}/` : name)),
    element('td', { class: 'size' }, directory ? '' : bytes(entry.file_size)),
    element('td', { class: 'changed' }, changed(entry)),
    element(
      'td',
      { class: 'buttons' },
      !directory && TEXT.test(name) && element('a', { class: 'button', href: editUrl(path), 'aria-label': `Edit ${name}` }, 'Edit'),
      !directory && element('a', { class: 'button', href, download: name, 'aria-label': `Download ${name}` }, 'Download'),
      button('Rename', () => rename(entry)),
      button('Delete', () => remove(entry)),
    ),
  );
}

/** @param {Entry} entry */
function changed({ modified_ns }) {
  if (modified_ns < FIRST_TIME_NS) return '';
  return new Date(modified_ns / 1e6).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
