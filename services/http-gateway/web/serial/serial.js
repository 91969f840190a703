// The page of a board's console.

import { watchBoard } from '../shared/board.js';
import { ConsolePanel } from '../shared/console-panel.js';
import { find } from '../shared/dom.js';
import { titleTab } from '../shared/tab.js';

const panel = new ConsolePanel({
  onTitle: (said) => {
    titleTab({ said });
    refresh();
  },
});
find('console', HTMLElement).append(panel.element);
panel.connect();
panel.focus();

const refresh = watchBoard();
