/** The files that are handed round: a panel for everybody. */
import { definePlugin } from '@audimax/room';
import { Panel } from './Panel';
import './room.css';
import { Files } from './state';

/** A file that misses every place for it would take the browser, and its owner, out of the lecture. */
function keepPage(signal: AbortSignal) {
  const hold = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', hold, { signal });
  addEventListener('drop', hold, { signal });
}

export default definePlugin((room) => {
  const files = new Files(room);
  keepPage(room.signal);
  room.addPanel({
    id: 'files',
    title: room.t('Files'),
    icon: 'folder',
    order: 30,
    shortcut: 'u',
    badge: () => files.unseen || null,
    component: () => <Panel files={files} />,
  });
  room.on('connected', () => void files.fetch());
  room.on('settings', () => files.fetchSoon());
  room.on('data:files', () => files.fetchSoon());
  return () => files.stop();
});
