// Ties an editor to its page: the file is in the address behind the # ("/edit/#/code.py"), its name in the title.

import { confirmed } from './ask.js';
import { Editor } from './editor.js';
import { decodePath, encodePath } from './protocol.js';
import { titleTab } from './tab.js';

/**
 * Makes an editor that follows the address.
 * @param {(allowed: boolean) => void} [opened] called after each loading: did the gateway let us in
 */
export function editorForAddress(opened) {
  const editor = new Editor(() => {
    const name = editor.path.slice(editor.path.lastIndexOf('/') + 1);
    titleTab({ subject: `${editor.unsaved ? '* ' : ''}${name}` });
  });

  async function open() {
    const path = location.hash.length > 1 ? decodePath(location.hash.slice(1)) : '/code.py';
    const allowed = await editor.open(path);
    opened?.(allowed);
  }

  addEventListener('hashchange', async () => {
    if (editor.unsaved && !(await confirmed(`${editor.path} is not saved. Leave it?`, 'Leave'))) {
      history.replaceState(null, '', `#${encodePath(editor.path)}`);
      return;
    }
    open();
  });
  open();
  return editor;
}
