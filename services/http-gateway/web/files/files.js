// The file browser: one folder of the drive, its path taken from the page's own address.

import { askText, confirmed } from '../shared/ask.js';
import { bytes, watchBoard } from '../shared/board.js';
import { element, find, setText, words } from '../shared/dom.js';
import { decodePath, editUrl, fileUrl, listDirectory, makeDirectory, move, remove } from '../shared/protocol.js';
import { whenChanged } from '../shared/refresh.js';
import { titleTab } from '../shared/tab.js';
import { droppedFiles, holdsFiles } from './dropped.js';
import { entryRow } from './row.js';
import { Uploads } from './uploads.js';

/** @typedef {import('../shared/protocol.js').Entry} Entry */
/** @typedef {import('../shared/protocol.js').Listing} Listing */
/** @typedef {import('./uploads.js').Upload} Upload */

const folder = decodePath(location.pathname.replace(/^\/fs\/+/, '')).replace(/\/?$/, '/');

const message = find('message', HTMLElement);
const readOnly = find('read-only', HTMLElement);
const form = find('upload', HTMLFormElement);
const picker = find('upload-files', HTMLInputElement);
const newFile = find('new-file', HTMLButtonElement);
const newFolder = find('new-folder', HTMLButtonElement);
const space = find('space', HTMLElement);
const rows = find('rows', HTMLTableSectionElement);

/** @type {Listing | null} */
let listing = null;
/** Why the drive cannot be written, as the board's state tells it. */
let reason = '';
/** Counts the requests for the list, so that a late answer does not replace a newer one. */
let asked = 0;

const uploads = new Uploads(find('uploads', HTMLUListElement), refresh);

async function refresh() {
  const turn = ++asked;
  try {
    const fresh = await listDirectory(folder);
    if (turn !== asked) return;
    listing = fresh;
    show();
  } catch (error) {
    if (turn === asked) say(words(error));
  }
}

function show() {
  if (!listing) return;
  const { files, free, total, block_size, writable } = listing;
  const sorted = [...files].sort(
    (a, b) => Number(b.directory) - Number(a.directory) || a.name.localeCompare(b.name, undefined, { numeric: true }),
  );
  rows.replaceChildren(...sorted.map((entry) => entryRow(folder, entry, writable, { rename, remove: removeEntry })));
  find('files', HTMLElement).hidden = files.length === 0;
  find('empty', HTMLElement).hidden = files.length > 0;
  setText(space, `${bytes(free * block_size)} free of ${bytes(total * block_size)}`);
  for (const control of [picker, newFile, newFolder]) control.disabled = !writable;
  readOnly.hidden = writable;
  setText(readOnly, `This drive is read-only. ${reason}`);
}

/** Does something to the drive, tells where that fails, and shows what is there then. @param {() => Promise<void>} change */
async function attempt(change) {
  say('');
  try {
    await change();
  } catch (error) {
    say(words(error));
  }
  await refresh();
}

/** @param {Entry} entry */
async function rename({ name }) {
  const answer = await askText('New name, or a path from / on to move it elsewhere', 'Rename', name);
  if (answer && answer !== name) await attempt(() => move(folder + name, within(answer)));
}

/** @param {Entry} entry */
async function removeEntry({ name, directory }) {
  const question = directory ? `Delete the folder ${name} and everything in it?` : `Delete ${name}?`;
  if (await confirmed(question, 'Delete')) await attempt(() => remove(folder + name));
}

/** Uploads, after asking where that would replace files of this folder. @param {Upload[]} chosen */
async function upload(chosen) {
  // Names on the drive do not tell capitals from small letters.
  const there = new Set(listing?.files.map(({ name }) => name.toLowerCase()));
  const names = new Set(chosen.map(({ name }) => name.split('/')[0]));
  const replaced = [...names].filter((name) => there.has(name.toLowerCase()));
  if (replaced.length > 0 && !(await confirmed(`Replace what is there: ${replaced.join(', ')}?`, 'Replace'))) return;
  uploads.add(folder, chosen);
}

/** What a person typed as a path: relative to this folder, or from the root on. @param {string} typed */
const within = (typed) => (typed.startsWith('/') ? typed : folder + typed);

/** @param {string} text */
function say(text) {
  message.hidden = !text;
  setText(message, text);
}

function showCrumbs() {
  const names = folder.split('/').filter(Boolean);
  const crumbs = [element('li', {}, element('a', { href: '/fs/' }, 'Drive'))];
  names.forEach((name, at) => {
    const path = `/${names.slice(0, at + 1).join('/')}/`;
    crumbs.push(element('li', {}, element('a', { href: fileUrl(path) }, name)));
  });
  crumbs.at(-1)?.firstElementChild?.setAttribute('aria-current', 'page');
  find('crumbs', HTMLOListElement).replaceChildren(...crumbs);
  titleTab({ subject: folder });
}

function listenForFiles() {
  picker.addEventListener('change', () => {
    upload([...(picker.files ?? [])].map((file) => ({ name: file.name, file })));
    picker.value = '';
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  // Dropping anywhere uploads; and never does a dropped file take the place of this page.
  addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  for (const end of ['dragleave', 'drop']) addEventListener(end, () => document.body.classList.remove('dropping'));
  addEventListener('drop', async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    if (!listing?.writable) return say('Nothing was uploaded: the drive is read-only.');
    try {
      await upload(await droppedFiles(event));
    } catch (error) {
      say(words(error));
    }
  });
}

newFile.addEventListener('click', async () => {
  const name = await askText('Name of the new file', 'Open', 'new.py');
  if (name) location.assign(editUrl(within(name)));
});
newFolder.addEventListener('click', async () => {
  const name = await askText('Name of the new folder', 'Make');
  if (!name) return;
  await attempt(async () => {
    if (!(await makeDirectory(`${within(name)}/`))) say(`${name} is there already.`);
  });
});

// Without this script the form uploads by itself, with its button; with it, choosing files is enough.
find('upload-button', HTMLButtonElement).hidden = true;
find('more-actions', HTMLElement).hidden = false;
showCrumbs();
listenForFiles();
refresh();

watchBoard(
  whenChanged(({ drive }) => {
    reason = drive?.reason ?? '';
    // The drive came, went, or was changed elsewhere.
    refresh();
  }),
);
