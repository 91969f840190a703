// Questions to the person, as modal dialogs that the keyboard can answer.

import { element } from './dom.js';

/**
 * A yes or no.
 * @param {string} question
 * @param {string} yes the words on the button
 * @returns {Promise<boolean>}
 */
export async function confirmed(question, yes) {
  return (await ask([element('p', {}, question)], { yes })) !== null;
}

/**
 * One of several ways to go on, or null where the person takes none of them.
 * @template {string} A
 * @param {string} question
 * @param {Record<A, string>} answers each with the words on its button
 * @returns {Promise<A | null>}
 */
export async function chosen(question, answers) {
  return /** @type {A | null} */ (await ask([element('p', {}, question)], answers));
}

/**
 * A line of text, or null where the person thought better of it.
 * @param {string} label
 * @param {string} yes the words on the button
 * @param {string} [value] what stands there to begin with
 * @returns {Promise<string | null>}
 */
export async function askText(label, yes, value = '') {
  const input = element('input', { name: 'text', required: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
  input.value = value;
  const answer = ask([element('label', {}, label, input)], { yes });
  const extension = value.lastIndexOf('.');
  input.setSelectionRange(0, extension > 0 ? extension : value.length);
  return (await answer) && (input.value.trim() || null);
}

/** @param {Node[]} content @param {Record<string, string>} answers @returns {Promise<string | null>} */
function ask(content, answers) {
  const buttons = Object.entries(answers).map(([value, words], at) => element('button', { class: at === 0 && 'main', value }, words));
  const dialog = element(
    'dialog',
    {},
    element(
      'form',
      { method: 'dialog' },
      ...content,
      element(
        'div',
        { class: 'buttons' },
        ...buttons,
        element('button', { type: 'button', onclick: () => dialog.close('') }, 'Cancel'),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
  });
}
