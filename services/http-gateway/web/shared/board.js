// A board in words: its name, what it is doing, its drive. Shared by every page that shows a board; does not
// know where in a page the words go.

import { element, find, setText } from './dom.js';
import { boardUrl, fetchBoard, overviewUrl } from './protocol.js';
import { keepFresh } from './refresh.js';
import { titleTab } from './tab.js';

/** @typedef {import('./protocol.js').Board} Board */
/** @typedef {import('./protocol.js').ListedBoard} ListedBoard */

const KIB = 1024;

/** @typedef {"good" | "calm" | "warn" | "bad"} Tone */

/**
 * A name that no other board has: what its owner called it or else what it is, and its host name.
 * @param {Board} board
 */
export const boardName = (board) => distinct(givenName(board) || board.board_name, board.hostname);

/** The same as a heading, whose host name is not cut at its hyphen. @param {Board} board @returns {Node[]} */
export function boardHeading(board) {
  const name = boardName(board);
  const rest = name.slice(0, name.length - board.hostname.length);
  return [new Text(rest), element('span', { class: 'host' }, board.hostname)];
}

/** The same for a tab, where room is short: what it is goes without saying. @param {Board} board */
function shortName(board) {
  const given = givenName(board);
  return distinct(given === board.board_name ? '' : given, board.hostname);
}

/**
 * What the board is called, without the host name that tells it from its like on the network ("Pico (cpy-1b2c3d)",
 * "Pico (cpy-1b2c3d) #2"): that is said beside.
 * @param {Board} board
 */
function givenName({ instance_name, hostname }) {
  const at = instance_name.lastIndexOf(` (${hostname})`);
  const rest = instance_name.slice(at + ` (${hostname})`.length);
  return at > 0 && /^( #\d+)?$/.test(rest) ? instance_name.slice(0, at) : instance_name;
}

/** @param {...string} names */
const distinct = (...names) => [...new Set(names.filter(Boolean))].join(' · ');

/**
 * What the board is doing.
 * @param {Board} board
 * @returns {{text: string, tone: Tone}}
 */
export function stateWords(board) {
  if (!board.attached) return { text: 'Not plugged in', tone: 'bad' };
  if (!board.console) return { text: 'The console service is not running', tone: 'bad' };
  switch (board.console.state) {
    case 'running':
      return { text: 'Code is running', tone: 'good' };
    case 'done':
      return { text: 'Code has finished', tone: 'calm' };
    case 'error':
      return { text: 'Code stopped with an error', tone: 'bad' };
    case 'repl':
      return { text: 'At the REPL prompt', tone: 'calm' };
    case 'reloading':
      return { text: 'Reloading', tone: 'warn' };
    case 'waiting':
      return { text: 'Waiting for the console', tone: 'warn' };
    case 'offline':
      return { text: 'The console is not there', tone: 'bad' };
    default:
      return { text: 'Plugged in', tone: 'calm' };
  }
}

/** @param {Board} board */
export function driveWords({ attached, drive }) {
  if (!drive) return 'The drive service is not running.';
  if (drive.state === 'ready') {
    const space = `${bytes(drive.free)} free of ${bytes(drive.total)}`;
    return drive.writable ? space : `${space}. ${readOnlyWords({ drive })}`;
  }
  if (drive.reason) return drive.reason;
  if (drive.state === 'unreadable') return 'The drive cannot be read.';
  return attached ? 'There is no drive.' : 'The board is not plugged in.';
}

/** Why nothing can be changed on the drive, or nothing where it can. @param {Pick<Board, "drive">} board */
export function readOnlyWords({ drive }) {
  if (drive?.state !== 'ready' || drive.writable) return '';
  return `The drive is read-only. ${drive.reason}`.trim();
}

/** How the board's name does on the network. @param {Board} board */
export function networkWords({ hostname, network }) {
  const name = `${hostname}.local`;
  switch (network.state) {
    case 'published':
      return `Published as ${name}`;
    case 'claiming':
      return `Asking whether ${name} is free`;
    case 'waiting':
      return `${name} is not published`;
    case 'refused':
      return `Avahi refuses ${name}`;
    case 'taken':
      return `Others have ${name}`;
    case 'disabled':
      return 'Not announced';
    default:
      return 'The name service does not answer';
  }
}

/** The state as a mark with its colour. @param {Board} board */
export function stateMark(board) {
  const { text, tone } = stateWords(board);
  return element('span', { class: `state ${tone}` }, text);
}

/** What a person wants to know of a board, as a list of terms. @param {Board | ListedBoard} board */
export function boardFacts(board) {
  const url = boardUrl(board);
  /** @type {[string, string | undefined][]} */
  const facts = [
    ['Board', board.board_name],
    ['CircuitPython', board.version],
    ['Address', url ? new URL(url).host : undefined],
    ['Network', networkWords(board)],
    ['Console says', board.console?.title],
    ['Drive', driveWords(board)],
  ];
  const list = element('dl', { class: 'facts' });
  for (const [term, text] of facts) {
    if (text) list.append(element('div', {}, element('dt', {}, term), element('dd', {}, text)));
  }
  return list;
}

/** Problems, or nothing. @param {string[]} problems */
export function problemList(problems) {
  if (problems.length === 0) return null;
  return element('ul', { class: 'problems' }, ...problems.map((problem) => element('li', {}, problem)));
}

/**
 * Keeps the bar at the top of a board's page (`#board-name`, `#board-state`, `#boards-link`) and the tab's title
 * fresh, and hands the board on.
 * @param {(board: Board) => void} [show]
 * @returns {() => void} to call when the board is known to have changed
 */
export function watchBoard(show) {
  const name = find('board-name', HTMLElement);
  const state = find('board-state', HTMLElement);
  const boards = find('boards-link', HTMLAnchorElement);
  return keepFresh(async () => {
    try {
      const board = await fetchBoard();
      setText(name, boardName(board));
      titleTab({ board: shortName(board) });
      boards.href = overviewUrl(board) ?? '/#other-devices';
      const { text, tone } = stateWords(board);
      setText(state, text);
      state.className = `state ${tone}`;
      show?.(board);
    } catch {
      setText(state, 'The gateway does not answer');
      state.className = 'state bad';
    }
  });
}

/** Bytes for people, in the numbers that `cpyctl boards` prints. @param {number} count */
export function bytes(count) {
  if (count === 1) return '1 byte';
  if (count < KIB) return `${count} bytes`;
  if (count < 10 * KIB * KIB) return `${Math.floor(count / KIB)} KiB`;
  return `${Math.floor(count / (KIB * KIB))} MiB`;
}
