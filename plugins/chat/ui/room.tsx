/** The chat: a panel with what people write, and a number on its button for what isn't read yet. */
import { definePlugin } from '@audimax/room';
import { Chat } from './chat';
import type { Packet } from './messages';
import { Panel } from './Panel';
import './room.css';
import { chime } from './sound';
import { useChat } from './use';

const MOST_SHOWN = 99;

function Habits({ chat }: { chat: Chat }) {
  useChat(chat);
  const { t } = chat.room;
  const { habits } = chat;
  return (
    <div className="stack">
      <label className="check">
        <input type="checkbox" checked={habits.sound} onChange={(event) => chat.setHabits({ ...habits, sound: event.target.checked })} />
        {t('A sound for new messages')}
      </label>
      <label className="check">
        <input type="checkbox" checked={habits.readOut} onChange={(event) => chat.setHabits({ ...habits, readOut: event.target.checked })} />
        {t('Screen readers say new messages')}
      </label>
    </div>
  );
}

export default definePlugin((room) => {
  const { t } = room;
  const chat = new Chat(room, chime);
  room.on('connected', () => void chat.connected());
  room.on('settings', () => chat.fetchSoon());
  room.on('data:chat', (payload) => chat.hear(payload as Packet));
  // A panic or its end may have taken or given the right to write: no packet of ours says so.
  const rights = () => chat.fetchSoon();
  room.lk.localParticipant.on('participantPermissionsChanged', rights);
  room.addPanel({
    id: 'chat',
    title: t('Chat'),
    icon: 'message-square',
    order: 10,
    shortcut: 't',
    badge: () => (chat.unread > MOST_SHOWN ? `${MOST_SHOWN}+` : chat.unread || null),
    component: () => <Panel chat={chat} />,
  });
  room.addSettings({ id: 'chat', title: t('Chat'), component: () => <Habits chat={chat} /> });
  return () => {
    room.lk.localParticipant.off('participantPermissionsChanged', rights);
    chat.stop();
  };
});
