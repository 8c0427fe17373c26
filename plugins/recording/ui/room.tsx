/** Recording the lecture: the hosts' button, the sign that everybody sees, and everybody's own choice. */
import { definePlugin, type RoomApi } from '@audimax/room';
import { Ask } from './Ask';
import { Choices } from './Choices';
import { prepare } from './notice';
import { Panel } from './Panel';
import { Recording } from './recording';
import './room.css';

const PANEL = 'recording';
const ICON = 'circle-dot';

const isIdle = ({ standing }: Recording) => standing.status === 'off' || standing.status === 'failed';

function addForHosts(room: RoomApi, recording: Recording, toPanel: () => void) {
  const { t } = room;
  const label = () => {
    const { may, why } = recording.standing;
    if (!isIdle(recording)) return t('Recording: pause or stop');
    return may || !why ? t('Record') : t('Record (not possible: {why})', { why });
  };
  // Never dead: whoever may not record reads behind it why, by finger and keyboard too.
  room.addControl({
    id: 'record',
    icon: ICON,
    label,
    order: 40,
    shortcut: 'o',
    pressed: () => !isIdle(recording),
    visible: () => recording.standing.is_host,
    onClick: () => (recording.standing.status === 'off' ? recording.ask('start') : toPanel()),
  });
  room.addOverlay({
    id: 'ask',
    slot: 'stage-top',
    visible: () => recording.question !== null,
    component: () => (recording.question ? <Ask key={recording.question} recording={recording} question={recording.question} /> : null),
  });
}

export default definePlugin((room) => {
  const { t } = room;
  const recording = new Recording(room);
  const toPanel = () => room.openPanel(room.panelOpen(PANEL) ? null : PANEL);
  prepare();
  room.on('connected', () => void recording.fetch());
  room.on('settings', () => recording.settingsChanged());
  room.on('data:recording', (payload) => recording.hear(payload));
  addForHosts(room, recording, toPanel);
  room.addSign({ id: 'recording', icon: ICON, order: 1, text: () => recording.sign, onClick: toPanel });
  // For the style sheet: the room draws the sign, and only the plugin knows whether the dot is to beat.
  room.addOverlay({
    id: 'runs',
    slot: 'stage-top',
    visible: () => recording.standing.status === 'recording',
    component: () => <span className="recording-runs" hidden />,
  });
  // The sign and the hosts' button lead here: a button of its own in the bar is there only to close it.
  room.addPanel({
    id: PANEL,
    title: t('Recording'),
    icon: ICON,
    order: 1,
    visible: () => room.panelOpen(PANEL),
    component: () => <Panel recording={recording} />,
  });
  room.addSettings({ id: 'recording', title: t('Recording'), component: () => <Choices recording={recording} /> });
  return () => recording.leave();
});
