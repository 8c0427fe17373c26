import { remembered } from '../storage';

/**
 * LiveKit's libraries call every ordinary end of a connection an error, so they are silent. Whoever wants
 * to read it all sets `audimax:log` to true in the browser's storage.
 */
export const logLevel = () => (remembered('audimax:log', false) ? 'debug' : 'silent');
