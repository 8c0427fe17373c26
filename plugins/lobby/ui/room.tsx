/** The door as a panel beside the call. */
import { definePlugin } from '@audimax/room';
import { Door } from './door';
import { Desk } from './Desk';

export default definePlugin((room) => {
  if (!room.me.isHost) return undefined;
  const door = new Door(room);
  const stop = door.subscribe(room.refresh);
  room.addPanel({
    id: 'door',
    title: room.t('Waiting room'),
    icon: 'door-open',
    order: 50,
    badge: () => door.state?.total || null,
    component: () => <Desk door={door} />,
  });
  door.open();
  return () => {
    stop();
    door.close();
  };
});
