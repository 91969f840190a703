// The files in something that was dropped on the page, those in dropped folders included: libraries for
// CircuitPython are often whole folders.

/** @typedef {import('./uploads.js').Upload} Upload */

/** @param {DragEvent} event */
export const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files') ?? false;

/** @param {DragEvent} event @returns {Promise<Upload[]>} */
export async function droppedFiles({ dataTransfer }) {
  // The list is empty as soon as the event is over: all is taken out before anything is awaited.
  const items = [...(dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(items.map((item) => (item ? filesIn(item, '') : [])));
  return found.flat();
}

/** @param {FileSystemEntry | File} entry @param {string} parent @returns {Promise<Upload[]>} */
async function filesIn(entry, parent) {
  const name = parent + entry.name;
  if (entry instanceof File) return [{ name, file: entry }];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return [{ name, file }];
  }
  const children = await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry));
  const found = await Promise.all(children.map((child) => filesIn(child, `${name}/`)));
  return found.flat();
}

/** @param {FileSystemDirectoryEntry} directory */
async function childrenOf(directory) {
  const reader = directory.createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  for (;;) {
    // A reader hands out about a hundred at a time, and none when there are no more.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return children;
    children.push(...some);
  }
}
