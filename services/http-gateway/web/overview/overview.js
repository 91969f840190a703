// The overview at the gateway's own address: a card for every board, what is wrong with the gateway itself, and the
// other devices around.

import { boardFacts, boardHeading, boardName, problemList, stateMark } from '../shared/board.js';
import { deviceItem } from '../shared/devices.js';
import { element, find, setText, words } from '../shared/dom.js';
import { boardUrl, fetchBoards, fetchDevices } from '../shared/protocol.js';
import { keepFresh, whenChanged } from '../shared/refresh.js';

/** @typedef {import('../shared/protocol.js').ListedBoard} ListedBoard */
/** @typedef {import('../shared/protocol.js').Device} Device */

const list = find('boards', HTMLUListElement);
const none = find('no-boards', HTMLElement);
const message = find('message', HTMLElement);
const problems = find('problems', HTMLElement);
const others = find('other-devices', HTMLElement);
const devices = find('devices', HTMLUListElement);

/**
 * The cards by serial, each with what it shows: only a card that changed is drawn again, so that a link that has
 * the focus keeps it.
 * @type {Map<string, {card: HTMLLIElement, shows: string}>}
 */
const cards = new Map();

/** @param {ListedBoard} board */
function cardFor(board) {
  const known = cards.get(board.serial) ?? { card: element('li', { class: 'card' }), shows: '' };
  cards.set(board.serial, known);
  const shows = JSON.stringify(board);
  if (shows !== known.shows) {
    known.card.replaceChildren(...cardContent(board));
    known.shows = shows;
  }
  return known.card;
}

/** @param {ListedBoard} board */
function cardContent(board) {
  const url = boardUrl(board);
  const name = boardName(board);
  /** @param {string} path @param {string} text */
  const door = (path, text) => element('a', { href: new URL(path, url ?? location.href).href, 'aria-label': `${text} of ${name}` }, text);
  const content = [
    element('h2', {}, url ? element('a', { href: url }, ...boardHeading(board)) : name),
    stateMark(board),
    problemList(board.problems) ?? '',
    boardFacts(board),
  ];
  if (url) content.push(element('p', { class: 'links' }, door('/fs/', 'Files'), door('/cp/serial/', 'Serial'), door('/code/', 'Code')));
  return content;
}

const showProblems = whenChanged((/** @type {string[]} */ found) => {
  problems.replaceChildren(problemList(found) ?? '');
});

const showOthers = whenChanged((/** @type {Device[]} */ found) => {
  devices.replaceChildren(...found.map(deviceItem));
  others.hidden = found.length === 0;
});

async function refresh() {
  try {
    const [all, around] = await Promise.all([fetchBoards(), fetchDevices()]);
    const { boards } = all;
    showProblems([...all.problems, ...all.name_problems]);
    showOthers(around.devices.filter(({ hostname }) => !boards.some((board) => board.hostname === hostname)));
    const now = boards.map(cardFor);
    for (const serial of cards.keys()) {
      if (!boards.some((board) => board.serial === serial)) cards.delete(serial);
    }
    if (now.length !== list.childElementCount || now.some((card, at) => card !== list.children[at])) list.replaceChildren(...now);
    none.hidden = now.length > 0;
    message.hidden = true;
  } catch (error) {
    setText(message, `${words(error)} Trying again.`);
    message.hidden = false;
  }
}

keepFresh(refresh);
