// Keeping a page's state fresh without hammering: at once, when the page is looked at again, and every few
// seconds while it is visible; sooner on request. Requests never overlap.

const PERIOD_MS = 5000;

/** However often a refresh is asked for, it begins this long after the one before at the earliest. */
const SHORTEST_MS = 1000;

/**
 * @param {() => Promise<void>} task must handle its own errors
 * @returns {() => void} asks for a refresh as soon as may be
 */
export function keepFresh(task) {
  let running = false;
  let askedAgain = false;
  let began = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run() {
    if (running) return;
    running = true;
    askedAgain = false;
    began = Date.now();
    clearTimeout(timer);
    try {
      await task();
    } finally {
      running = false;
      schedule();
    }
  }

  function schedule() {
    clearTimeout(timer);
    if (document.visibilityState !== 'visible') return;
    timer = setTimeout(run, askedAgain ? began + SHORTEST_MS - Date.now() : PERIOD_MS);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') run();
    else clearTimeout(timer);
  });
  addEventListener('focus', run);
  run();
  return () => {
    askedAgain = true;
    if (!running) schedule();
  };
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
