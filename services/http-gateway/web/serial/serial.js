// The page of a board's console.

import { boardName, watchBoard } from '../shared/board.js';
import { ConsolePanel } from '../shared/console-panel.js';
import { find } from '../shared/dom.js';

let name = '';
let title = '';

function showTitle() {
  document.title = [title, name, 'Serial'].filter(Boolean).join(' · ');
}

const panel = new ConsolePanel({
  onTitle: (said) => {
    title = said;
    showTitle();
  },
});
find('console', HTMLElement).append(panel.element);
panel.connect();
panel.focus();

watchBoard((board) => {
  name = boardName(board);
  showTitle();
});
