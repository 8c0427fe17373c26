/** The passages that are to go: for everybody, once the host has said so. */
import { Dialog, PageIcon } from '@audimax/kit';
import { useId, useState } from 'react';
import { MOST, type EditDesk, type Standing } from './desk';
import { Time } from './parts';
import { clock, type Passage } from './times';

interface Props {
  desk: EditDesk;
  standing: Standing;
  here(): number;
  go(second: number): void;
}

const LEAD_SECONDS = 3;
const NEW_SECONDS = 10;

export function Cuts({ desk, standing, here, go }: Props) {
  const { t } = desk.page;
  const id = useId();
  const [asks, setAsks] = useState<'cut' | 'undo' | null>(null);
  const { length } = standing;
  const passages = desk.shownCuts;
  const add = (passage: Passage) => desk.choose([...passages, passage]);
  const put = (place: number, passage: Passage) => desk.choose(passages.map((one, at) => (at === place ? passage : one)));
  const now = () => Math.round(here() * 10) / 10;
  const isFull = passages.length >= MOST;
  return (
    <section className="card stack" aria-labelledby={id}>
      <h2 id={id}>{t('Cut')}</h2>
      {passages.length === 0 && <p className="muted">{t('Nothing is cut out. Play the film to where a passage begins, then add it here.')}</p>}
      {passages.length > 0 && (
        <ol className="edit-list">
          {passages.map(([from, to], at) => (
            <li key={at}>
              <Time desk={desk} label={t('Passage {number} begins', { number: at + 1 })} value={from} here={here} onChange={(second) => put(at, [second, to])} />
              <span aria-hidden="true">–</span>
              <Time desk={desk} label={t('Passage {number} ends', { number: at + 1 })} value={to} here={here} onChange={(second) => put(at, [from, second])} />
              <span className="row row-sm">
                <button type="button" className="btn btn-sm btn-ghost" aria-label={t('Play from shortly before passage {number}', { number: at + 1 })} onClick={() => go(Math.max(0, from - LEAD_SECONDS))}>
                  <PageIcon page={desk.page} name="play" />
                </button>
                <button type="button" className="btn btn-sm btn-ghost" aria-label={t('Keep passage {number}', { number: at + 1 })} onClick={() => desk.choose(passages.filter((_one, place) => place !== at))}>
                  <PageIcon page={desk.page} name="x" />
                </button>
              </span>
            </li>
          ))}
        </ol>
      )}
      <div className="row row-sm">
        <button type="button" className="btn" disabled={isFull} onClick={() => add([now(), Math.min(length, now() + NEW_SECONDS)])}>
          <PageIcon page={desk.page} name="plus" /> {t('Passage from here')}
        </button>
        <button type="button" className="btn" disabled={isFull} onClick={() => add([0, now()])}>
          {t('All before here')}
        </button>
        <button type="button" className="btn" disabled={isFull} onClick={() => add([now(), length])}>
          {t('All after here')}
        </button>
      </div>
      <p className="hint">
        {t('Gone for everybody: picture, sound, transcript, what search finds, and what was exported here. Sentences of the summary that rest on it go too. Chat and shared files stay.')}
      </p>
      <Kept desk={desk} standing={standing} />
      <div className="row row-sm">
        <button type="button" className="btn btn-primary" disabled={desk.cuts === null || desk.busy || desk.conflict} onClick={() => setAsks('cut')}>
          {t('Cut')}
        </button>
        {standing.cuts.length > 0 && (
          <button type="button" className="btn" disabled={desk.busy} onClick={() => setAsks('undo')}>
            {t('Take all cuts back')}
          </button>
        )}
      </div>
      {asks && <Ask desk={desk} standing={standing} undo={asks === 'undo'} onClose={() => setAsks(null)} />}
    </section>
  );
}

function Kept({ desk, standing }: { desk: EditDesk; standing: Standing }) {
  const { t } = desk.page;
  if (standing.undo_until === undefined) return null;
  const day = new Date(standing.undo_until * 1000).toLocaleDateString(document.documentElement.lang || undefined, { dateStyle: 'long' });
  return <p className="hint">{t('The uncut film is kept until {day}, for hosts only.', { day })}</p>;
}

function Ask({ desk, standing, undo, onClose }: { desk: EditDesk; standing: Standing; undo: boolean; onClose(): void }) {
  const { t, announce } = desk.page;
  const id = useId();
  const { keep_days: days } = standing;
  const does = async () => {
    const cuts = undo ? [] : desk.shownCuts;
    onClose();
    if (await desk.saveCuts(cuts)) announce(t('The film is being made.'));
  };
  const text = () => {
    if (undo || desk.shownCuts.length === 0) return t('The film, the transcript and what search finds are whole again, for everybody who may see them.');
    if (days > 0) return t('From now on nobody sees or hears these passages. You can take that back for {days} days.', { days });
    return t('What is cut out is deleted at once. That can’t be taken back.');
  };
  return (
    <Dialog labelledBy={id} onClose={onClose}>
      <h2 id={id}>{undo ? t('Take all cuts back?') : t('Cut the recording?')}</h2>
      <p>{text()}</p>
      {!undo && (
        <ul className="edit-asked">
          {desk.shownCuts.map(([from, to], at) => (
            <li key={at}>
              {clock(from)} – {clock(to)}
            </li>
          ))}
        </ul>
      )}
      <div className="dialog-actions">
        <button type="button" className="btn" onClick={onClose}>
          {t('Cancel')}
        </button>
        <button type="button" className={undo ? 'btn btn-primary' : 'btn btn-danger'} onClick={() => void does()}>
          {undo ? t('Take back') : t('Cut')}
        </button>
      </div>
    </Dialog>
  );
}
