// From the keys that a person presses to the characters that a board expects.

/** @type {Record<string, string>} */
const NAMED = {
  Enter: '\r',
  Backspace: '\x7f',
  Tab: '\t',
  Escape: '\x1b',
  Delete: '\x1b[3~',
  ArrowUp: '\x1b[A',
  ArrowDown: '\x1b[B',
  ArrowRight: '\x1b[C',
  ArrowLeft: '\x1b[D',
  Home: '\x1b[H',
  End: '\x1b[F',
};

/**
 * What a key sends, or null where the key is the browser's: copy and paste, shortcuts with Alt or the command key,
 * Shift-Tab (the way out of the terminal), and whatever an input method is composing.
 * @param {KeyboardEvent} event
 * @param {boolean} selected is text selected, so that Ctrl-C copies
 */
export function charactersFor(event, selected) {
  const { key } = event;
  // 229 is what phones and input methods send: their text arrives as input instead.
  if (event.isComposing || event.keyCode === 229) return null;
  if (event.metaKey) return null;
  if (event.getModifierState('AltGraph')) return key.length === 1 ? key : null;
  if (event.altKey) return null;
  if (event.ctrlKey) return controlFor(key.toLowerCase(), event.shiftKey, selected);
  if (key === 'Tab' && event.shiftKey) return null;
  if (key in NAMED) return NAMED[key];
  return [...key].length === 1 ? key : null;
}

/** @param {string} key @param {boolean} shift @param {boolean} selected */
function controlFor(key, shift, selected) {
  if (key === 'v' || (key === 'c' && selected)) return null;
  if (shift && /^[a-z]$/.test(key)) return null;
  if (key === ' ') return '\0';
  return /^[a-z@[\\\]^_]$/.test(key) ? String.fromCharCode(key.charCodeAt(0) & 0x1f) : null;
}

/** Pasted text as a board wants it: a line ends with what Enter sends. @param {string} text */
export const pasted = (text) => text.replace(/\r\n|\n/g, '\r');

/**
 * What turns one text into another, as keys: Backspace for each character that went, then those that came. Phones
 * correct words that they have already handed over.
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
  const old = [...before];
  const now = [...after];
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  return '\x7f'.repeat(old.length - same) + pasted(now.slice(same).join(''));
}
