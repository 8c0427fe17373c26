/** Captions, the transcript so far, and what everybody may decide about both. */
import { definePlugin, type RoomApi } from '@audimax/room';
import { Assistant } from './assistant';
import { Overlay } from './Overlay';
import { Panel } from './Panel';
import './room.css';
import { Settings } from './Settings';

const PANEL = 'transcript';

function addCaptions(room: RoomApi, assistant: Assistant) {
  const { t } = room;
  room.addControl({
    id: 'captions',
    icon: () => (assistant.taste.shown ? 'captions' : 'captions-off'),
    label: () => (assistant.taste.shown ? t('Hide captions') : t('Show captions')),
    order: 30,
    shortcut: 'c',
    pressed: () => assistant.taste.shown,
    visible: () => assistant.standing.captions && assistant.standing.status !== 'off',
    onClick: () => assistant.prefer({ shown: !assistant.taste.shown }),
  });
  for (const place of ['above', 'below'] as const) {
    room.addOverlay({
      id: `captions-${place}`,
      slot: place === 'above' ? 'stage-above' : 'stage-bottom',
      order: 5,
      visible: () => assistant.isShown && assistant.taste.place === place,
      component: () => <Overlay assistant={assistant} />,
    });
  }
  room.addSettings({ id: 'captions', title: t('Captions'), component: () => <Settings assistant={assistant} /> });
}

export default definePlugin((room) => {
  const assistant = new Assistant(room);
  room.on('connected', () => void assistant.connected());
  room.on('settings', () => assistant.fetchSoon());
  room.on('data:ai_assistant', (payload) => assistant.hear(payload));
  room.on('data:transcription', (payload, { from }) => from === 'agent' && assistant.hearSegment(payload));
  room.on('left', ({ identity }) => assistant.captions.silence(identity));
  addCaptions(room, assistant);
  room.addPanel({
    id: PANEL,
    title: room.t('Captions and transcript'),
    icon: 'file-text',
    order: 60,
    visible: () => room.me.isHost || assistant.standing.status !== 'off',
    component: () => <Panel assistant={assistant} />,
  });
  room.addSign({ id: 'captions', icon: 'captions', text: () => assistant.sign(), onClick: () => room.openPanel(PANEL) });
  return () => assistant.leave();
});
