// Keeping a page's state fresh without hammering: at once, when the page is looked at again, and every few
// seconds while it is visible. Requests never overlap.

const PERIOD_MS = 5000;

/** @param {() => Promise<void>} task must handle its own errors */
export function keepFresh(task) {
  let running = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run() {
    if (running) return;
    running = true;
    clearTimeout(timer);
    try {
      await task();
    } finally {
      running = false;
      if (document.visibilityState === 'visible') timer = setTimeout(run, PERIOD_MS);
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') run();
    else clearTimeout(timer);
  });
  addEventListener('focus', run);
  run();
}

/**
 * Passes on only what differs from the time before: what is not drawn again keeps its focus and its selection.
 * @template T
 * @param {(value: T) => void} show
 * @returns {(value: T) => void}
 */
export function whenChanged(show) {
  let before = '';
  return (value) => {
    const now = JSON.stringify(value);
    if (now === before) return;
    before = now;
    show(value);
  };
}
