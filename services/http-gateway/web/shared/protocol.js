// The web workflow as a browser speaks it: the JSON types, and every call that the pages make.
// Knows nothing of the pages. A refused call throws `Refused`, whose message is a sentence for a person.
//
// A path here is a path on the board's drive, decoded: "/lib/my file.py"; that of a directory ends with "/".

/**
 * What `/cp/board.json` says. `console` or `drive` is null while the service behind it is not running.
 * @typedef {object} Board
 * @property {string} serial
 * @property {string} hostname without ".local"
 * @property {number | null} port the board's own
 * @property {string} instance_name what the network calls it, else its owner, else its board name, else its host name
 * @property {string} board_name
 * @property {string} board_id
 * @property {string} version
 * @property {string} uid
 * @property {boolean} attached
 * @property {BoardConsole | null} console
 * @property {BoardDrive | null} drive
 * @property {BoardNetwork} network
 * @property {string[]} problems sentences
 */

/**
 * @typedef {object} BoardConsole
 * @property {"offline" | "waiting" | "running" | "done" | "error" | "repl" | "reloading" | "unknown"} state
 * @property {string} title the last title that the board sent
 */

/**
 * @typedef {object} BoardDrive
 * @property {"ready" | "absent" | "unreadable"} state
 * @property {boolean} writable
 * @property {string} reason why it is not writable or not readable, else empty
 * @property {number} free bytes
 * @property {number} total bytes
 */

/**
 * How the board's name does on the network. It is "refused" by Avahi, "taken" by others, "disabled" by the
 * configuration, and "unknown" while the service behind it is not running.
 * @typedef {object} BoardNetwork
 * @property {"published" | "claiming" | "waiting" | "refused" | "taken" | "disabled" | "unknown"} state
 * @property {string} problem why the name, or the board by its service, cannot be found: a sentence, or empty
 */

/** @typedef {Board & {url: string}} ListedBoard an entry of `/cp/boards.json` */

/**
 * @typedef {object} Boards
 * @property {number} total
 * @property {string[]} problems what is wrong with the gateway itself: sentences
 * @property {string[]} name_problems what keeps boards' names from the network: sentences
 * @property {ListedBoard[]} boards
 */

/**
 * Another device. It may be a stranger's: its names are any text.
 * @typedef {{hostname: string, instance_name: string, port: number, ip: string}} Device
 */

/** @typedef {{total: number, devices: Device[]}} Devices */

/** @typedef {{name: string, directory: boolean, modified_ns: number, file_size: number}} Entry */

/**
 * A directory under `/fs/`. `free` and `total` count blocks of `block_size` bytes.
 * @typedef {{free: number, total: number, block_size: number, writable: boolean, files: Entry[]}} Listing
 */

/** A call that did not succeed. `status` is HTTP's, or 0 where no answer came. */
export class Refused extends Error {
  /** @param {number} status @param {string} sentence */
  constructor(status, sentence) {
    super(sentence);
    this.name = 'Refused';
    this.status = status;
  }
}

const NO_ANSWER = 'The gateway does not answer.';

/** How long a state document may take. Transfers have no limit. */
const PATIENCE_MS = 10_000;

/** @returns {Promise<Board>} */
export const fetchBoard = () => json('/cp/board.json');

/** @returns {Promise<Boards>} */
export const fetchBoards = () => json('/cp/boards.json');

/** @returns {Promise<Devices>} */
export const fetchDevices = () => json('/cp/devices.json');

/** @param {string} directory @returns {Promise<Listing>} */
export async function listDirectory(directory) {
  const response = await call(fileUrl(directory), { headers: { Accept: 'application/json' } });
  return response.json();
}

/**
 * Which content a file must have to be written: the one with this entity tag, or none yet; without either, any.
 * @typedef {{'If-Match': string} | {'If-None-Match': '*'} | {}} Expected
 */

/** @type {Expected} */
export const NOTHING_THERE = { 'If-None-Match': '*' };

/** The content that an answer is about. @param {Response} response @returns {Expected} */
function contentOf(response) {
  const tag = response.headers.get('ETag');
  return tag ? { 'If-Match': tag } : {};
}

/** @param {string} path @returns {Promise<{content: ArrayBuffer, found: Expected}>} */
export async function readFile(path) {
  const response = await call(fileUrl(path));
  try {
    return { content: await response.arrayBuffer(), found: contentOf(response) };
  } catch {
    throw new Refused(0, 'The connection broke while the file was being read.');
  }
}

/**
 * Writes a file, or throws `Refused` with 412 where it is not as expected.
 * @param {string} path
 * @param {string} text
 * @param {Expected} expected
 * @returns {Promise<Expected>} what is there now
 */
export async function writeFile(path, text, expected) {
  const response = await call(fileUrl(path), {
    method: 'PUT',
    body: new TextEncoder().encode(text),
    headers: { 'X-Timestamp': String(Date.now()), ...expected },
  });
  return contentOf(response);
}

/**
 * Sends a file with its own time of change. XMLHttpRequest, because fetch does not tell how far a body has got.
 * @param {string} path
 * @param {File} file
 * @param {{onProgress: (sent: number) => void, signal: AbortSignal}} options
 * @returns {Promise<void>}
 */
export function uploadFile(path, file, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', fileUrl(path));
    request.setRequestHeader('X-Timestamp', String(file.lastModified));
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve();
      } else {
        const type = request.getResponseHeader('Content-Type') ?? '';
        reject(new Refused(request.status, sentence(request.status, type, request.responseText)));
      }
    };
    request.onerror = () => reject(new Refused(0, 'The connection broke; what was on the board is unchanged.'));
    request.onabort = () => reject(new Refused(0, 'Cancelled; what was on the board is unchanged.'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/**
 * Makes a directory and the parents that it lacks.
 * @param {string} directory
 * @returns {Promise<boolean>} false where it was there already
 */
export async function makeDirectory(directory) {
  const response = await call(fileUrl(directory), {
    method: 'PUT',
    headers: { 'X-Timestamp': String(Date.now()) },
  });
  return response.status === 201;
}

/** Deletes a file, or a directory with all that is in it. @param {string} path */
export async function remove(path) {
  await call(fileUrl(path), { method: 'DELETE' });
}

/** @param {string} from @param {string} to */
export async function move(from, to) {
  await call(fileUrl(from), { method: 'MOVE', headers: { 'X-Destination': fileUrl(to) } });
}

/** Where the console's WebSocket is. */
export function consoleUrl() {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/cp/serial/`;
}

/** @param {string} path */
export const fileUrl = (path) => `/fs${encodePath(path)}`;

/** @param {string} path */
export const editUrl = (path) => `/edit/#${encodePath(path)}`;

/** Percent-encodes the names in a path. @param {string} path */
export function encodePath(path) {
  return path.split('/').map(encodeURIComponent).join('/');
}

/**
 * Decodes a path from an address, collapses its slashes and makes it begin with one. What is not
 * percent-encoded properly ("100%.txt", typed by hand) is taken as it stands.
 * @param {string} encoded
 */
export function decodePath(encoded) {
  let path = encoded;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    // as it stands
  }
  return `/${path}`.replace(/\/{2,}/g, '/');
}

/**
 * The address of another device, or null where its name is none. Only a board of this gateway has a loopback address.
 * @param {Device} device
 */
export const deviceUrl = ({ hostname, port, ip }) => urlOf(hostname, port, /^127\.|^::1$/.test(ip));

/**
 * The address of a name. On the gateway's own machine, where the page came from a `.localhost` name or a loopback
 * address, a board of the gateway has a `.localhost` name at the same port.
 * @param {string} hostname
 * @param {number | null} port
 * @param {boolean} own
 */
function urlOf(hostname, port, own) {
  if (!/^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?$/i.test(hostname)) return null;
  if (own && onLoopback()) return `http://${hostname}.localhost${location.port && `:${location.port}`}/`;
  return `http://${hostname}.local${port && port !== 80 ? `:${port}` : ''}/`;
}

/**
 * The address of a board of this gateway, or null. A board that is not out of a list is the page's own.
 * @param {Board | ListedBoard} board
 */
export function boardUrl(board) {
  if (!('url' in board)) return `${location.origin}/`;
  if (!onLoopback() && /^https?:\/\//.test(board.url)) return board.url;
  return urlOf(board.hostname, board.port, true);
}

/**
 * The address of the overview of all boards, or null. It is at the gateway's own name, and a board's page knows that
 * only on the gateway's machine; behind a port that is the board's alone there is no overview.
 * @param {Board} board
 */
export function overviewUrl({ port }) {
  if (!location.hostname.endsWith('.localhost') || location.port === String(port)) return null;
  return `http://localhost${location.port && `:${location.port}`}/`;
}

function onLoopback() {
  return /(^|\.)localhost$|^127\.|^\[::1\]$/.test(location.hostname);
}

/** @param {string} url */
async function json(url) {
  const response = await call(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  try {
    return await response.json();
  } catch {
    throw new Refused(0, NO_ANSWER);
  }
}

/** @param {string} url @param {RequestInit} [init] */
async function call(url, init) {
  let response;
  try {
    response = await fetch(url, { cache: 'no-store', ...init });
  } catch {
    throw new Refused(0, NO_ANSWER);
  }
  if (response.ok) return response;
  const body = await response.text().catch(() => '');
  throw new Refused(response.status, sentence(response.status, response.headers.get('Content-Type') ?? '', body));
}

/** The gateway's own sentence where it sent one. @param {number} status @param {string} type @param {string} body */
function sentence(status, type, body) {
  const said = type.startsWith('text/plain') ? body.trim().slice(0, 500) : '';
  if (said) return said;
  switch (status) {
    case 401:
      return 'The password is needed. Try again, and leave the user name empty.';
    case 403:
      return 'The gateway does not allow this.';
    case 404:
      return 'There is no such file or folder.';
    case 409:
      return 'The drive cannot be written to at the moment.';
    case 412:
      return 'There is something of that name already.';
    case 413:
    case 417:
      return 'There is not enough room on the drive.';
    default:
      return `The gateway refused this (${status}).`;
  }
}
