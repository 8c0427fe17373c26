/** The whole page: how it stands, the film, passages to be cut, chapters. */
import { PageIcon } from '@audimax/kit';
import { useRef, useSyncExternalStore } from 'react';
import { Chapters } from './Chapters';
import { Cuts } from './Cuts';
import type { EditDesk, Standing } from './desk';
import { Film } from './Film';
import './editing.css';

function State({ desk, standing }: { desk: EditDesk; standing: Standing }) {
  const { t } = desk.page;
  return (
    <>
      {standing.state === 'cutting' && (
        <div className="alert" role="status">
          <span className="spinner" aria-hidden="true" />
          <span className="grow">{t('The film is being made. Until that is done nobody sees it; you may leave this page.')}</span>
        </div>
      )}
      {standing.state === 'failed' && (
        <div className="alert alert-error" role="alert">
          <PageIcon page={desk.page} name="circle-alert" />
          <span className="grow">{t('The film could not be made. Nobody sees it now. Try again, or take all cuts back.')}</span>
          <button type="button" className="btn btn-sm" disabled={desk.busy} onClick={() => void desk.again()}>
            {t('Try again')}
          </button>
        </div>
      )}
      {desk.conflict && (
        <div className="alert alert-warn" role="alert">
          <PageIcon page={desk.page} name="triangle-alert" />
          <span className="grow">{t('Somebody else has changed the recording meanwhile.')}</span>
          <button type="button" className="btn btn-sm" onClick={() => desk.discard()}>
            {t('Load theirs')}
          </button>
          <button type="button" className="btn btn-sm" onClick={() => desk.keepMine()}>
            {t('Go on with mine')}
          </button>
        </div>
      )}
      {desk.problem && (
        <p className="alert alert-error" role="alert">
          {desk.problem}
        </p>
      )}
    </>
  );
}

export function Editing({ desk }: { desk: EditDesk }) {
  useSyncExternalStore(desk.subscribe, desk.snapshot);
  const { t } = desk.page;
  const video = useRef<HTMLVideoElement>(null);
  const { standing } = desk;
  const here = () => video.current?.currentTime ?? 0;
  const go = (second: number) => {
    const film = video.current;
    if (!film) return;
    film.currentTime = second;
    void film.play()?.catch(() => undefined);
  };
  if (desk.failure) {
    return (
      <div className="alert alert-error" role="alert">
        <span className="grow">{desk.failure}</span>
        <button type="button" className="btn btn-sm" onClick={() => void desk.look()}>
          {t('Try again')}
        </button>
      </div>
    );
  }
  if (!standing) return <p className="muted" role="status">{t('Loading …')}</p>;
  if (standing.state === 'none') return <p className="muted">{t('There is no finished recording of this lecture.')}</p>;
  return (
    <div className="stack">
      <State desk={desk} standing={standing} />
      <Film desk={desk} standing={standing} video={video} />
      <Cuts desk={desk} standing={standing} here={here} go={go} />
      <Chapters desk={desk} standing={standing} here={here} go={go} />
    </div>
  );
}
