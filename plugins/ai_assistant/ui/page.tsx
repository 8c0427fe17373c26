/** The page on which hosts review what was made of a lecture. */
import { openPage } from '@audimax/page';
import { ReviewDesk } from './review/desk';
import { Review } from './review/Review';

openPage((page) => {
  const desk = new ReviewDesk(page);
  desk.open();
  return <Review desk={desk} />;
});
