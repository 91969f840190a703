// The welcome page of a board: what it is, how it does, where to go from here, and the other devices around.

import { boardFacts, boardHeading, problemList, stateMark, watchBoard } from '../shared/board.js';
import { deviceItem } from '../shared/devices.js';
import { element, find, setText, words } from '../shared/dom.js';
import { fetchDevices } from '../shared/protocol.js';
import { keepFresh, whenChanged } from '../shared/refresh.js';

/** @typedef {import('../shared/protocol.js').Board} Board */
/** @typedef {import('../shared/protocol.js').Device} Device */

const place = find('board', HTMLElement);
const message = find('message', HTMLElement);
const list = find('devices', HTMLUListElement);
const none = find('no-devices', HTMLElement);

/** @param {Board} board */
function showBoard(board) {
  const title = element('h1', {}, ...boardHeading(board), ' ', stateMark(board));
  const problems = [...board.problems, board.network.problem].filter(Boolean);
  place.replaceChildren(title, problemList(problems) ?? '', boardFacts(board));
}

/** @param {Device[]} devices */
function showDevices(devices) {
  list.replaceChildren(...devices.map(deviceItem));
  none.hidden = devices.length > 0;
}

const show = whenChanged(showDevices);

async function refreshDevices() {
  try {
    show((await fetchDevices()).devices);
    message.hidden = true;
  } catch (error) {
    setText(message, `${words(error)} Trying again.`);
    message.hidden = false;
  }
}

watchBoard(whenChanged(showBoard));
keepFresh(refreshDevices);
