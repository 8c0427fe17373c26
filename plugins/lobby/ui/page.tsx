/** The door on a page of its own, so that hosts can let people in before they start. */
import { openPage } from '@audimax/page';
import { Desk } from './Desk';
import { Door } from './door';

openPage((page) => {
  const door = new Door(page);
  door.open();
  return <Desk door={door} wide />;
});
