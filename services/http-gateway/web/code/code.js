// The code page: a file and the console side by side.

import { readOnlyWords, watchBoard } from '../shared/board.js';
import { ConsolePanel } from '../shared/console-panel.js';
import { find } from '../shared/dom.js';
import { editorForAddress } from '../shared/edited-file.js';

const panel = new ConsolePanel({ onTitle: () => refresh() });

// This page is public, what it loads is not: the browser asks for the password when the file is loaded, and only
// then, with the password known, the console is opened.
const editor = editorForAddress((allowed) => {
  if (allowed) panel.connect();
});

find('panels', HTMLElement).append(editor.element, panel.element);
const refresh = watchBoard((board) => editor.warn(readOnlyWords(board)));
