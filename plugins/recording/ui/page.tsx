/** The page on which hosts cut a recording and set its chapters. */
import { openPage } from '@audimax/page';
import { EditDesk } from './editing/desk';
import { Editing } from './editing/Editing';

openPage((page) => {
  const desk = new EditDesk(page);
  desk.open();
  return <Editing desk={desk} />;
});
