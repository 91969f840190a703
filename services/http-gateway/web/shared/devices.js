// Other devices as a list of links. What a device says of itself is a stranger's, so it is text, and an address
// only where it can be one.

import { element } from './dom.js';
import { deviceUrl } from './protocol.js';

/** @typedef {import('./protocol.js').Device} Device */

/** @param {Device} device */
export function deviceItem(device) {
  const url = deviceUrl(device);
  // A name that is written from right to left does not turn what follows it.
  const name = element('bdi', {}, device.instance_name || device.hostname);
  return element(
    'li',
    {},
    url ? element('a', { href: url }, name) : name,
    element('span', { class: 'hint' }, ` ${url ? new URL(url).host : device.hostname}`),
  );
}
