/** What the administration tells hosts during a lecture stays on their page until they have put it away. */
import { t } from '../i18n';
import { keep } from '../notices';
import type { DataMeta, Dispose } from '../sdk';
import type { Bus } from './bus';

const LONGEST = 500;

export function followMessages(bus: Bus): Dispose {
  return bus.on('data:room', (payload: { message?: unknown } | null, meta: DataMeta) => {
    const text = payload?.message;
    // An agent's packets come here as well.
    if (meta.from !== 'server' || typeof text !== 'string' || !text) return;
    keep(t('Message from the administration: {text}', { text: text.slice(0, LONGEST) }));
  });
}
