// The page of the editor.

import { readOnlyWords, watchBoard } from '../shared/board.js';
import { find } from '../shared/dom.js';
import { editorForAddress } from '../shared/edited-file.js';

const editor = editorForAddress();
find('editor', HTMLElement).append(editor.element);
watchBoard((board) => editor.warn(readOnlyWords(board)));
