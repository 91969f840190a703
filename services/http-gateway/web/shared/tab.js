// The title of the page's tab: what is open, which page shows it, and of which board. Tabs of several boards lie
// side by side, so the board's host name is always in it.

const parts = {
  /** What is open: a file, a folder. */
  subject: '',
  page: document.title,
  board: '',
  /** What the board's console says of itself. */
  said: '',
};

/** @param {Partial<typeof parts>} changed */
export function titleTab(changed) {
  const { subject, page, board, said } = Object.assign(parts, changed);
  document.title = [subject, page, board, said].filter(Boolean).join(' · ');
}
