/** The host's desk: the queue in order, who has the floor, and the webinar's switch. */
import { useAction } from '@audimax/kit';
import { useEffect, useState } from 'react';
import type { Hand, Holder, Webinar } from './state';

const MOST_ROWS = 50;
const TICK_MS = 10_000;

interface PartProps {
  webinar: Webinar;
}

function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Mode({ webinar }: PartProps) {
  const { t } = webinar.room;
  const { busy, run } = useAction(webinar.room);
  const { on } = webinar.queue;
  return (
    <section className="webinar-mode" aria-busy={busy}>
      <label className="check">
        <input type="checkbox" role="switch" checked={on} disabled={busy} onChange={() => void run(() => webinar.act('/mode', { on: !on }))} />
        {t('Webinar')}
      </label>
      <p className="hint">
        {on
          ? t('Guests listen and watch. Those speak whom you give the floor.')
          : t('Everybody may speak. In a webinar guests listen, and speak when you give them the floor.')}
      </p>
    </section>
  );
}

function since(webinar: Webinar, hand: Hand, now: number): string {
  const minutes = Math.floor((now / 1000 - hand.since) / 60);
  return minutes < 1 ? webinar.room.t('just now') : webinar.room.t('{minutes} min', { minutes });
}

function Row({ webinar, hand, now }: PartProps & { hand: Hand; now: number }) {
  const { room, queue } = webinar;
  const { t } = room;
  const { busy, run } = useAction(room);
  const name = webinar.nameOf(hand);
  const give = (cameraAndScreen: boolean) => void run(() => webinar.give(hand.identity, cameraAndScreen));
  return (
    <li className="webinar-row" aria-busy={busy}>
      <span className="webinar-who">
        <span className="webinar-place" aria-hidden="true">
          {webinar.placeOf(hand.identity)}
        </span>
        <span className="truncate">{name}</span>
        <span className="hint">{since(webinar, hand, now)}</span>
      </span>
      <span className="row row-sm">
        <button type="button" className="btn btn-sm" disabled={busy} aria-label={t('Give microphone to {name}', { name })} onClick={() => give(false)}>
          {queue.on ? t('Give microphone') : t('Call on')}
        </button>
        {queue.on && (
          <button type="button" className="btn btn-sm" disabled={busy} aria-label={t('Camera too for {name}: microphone, camera and screen', { name })} onClick={() => give(true)}>
            {t('Camera too')}
          </button>
        )}
        <button type="button" className="btn btn-sm btn-ghost" disabled={busy} aria-label={t('Lower the hand of {name}', { name })} onClick={() => void run(() => webinar.act(`/people/${hand.identity}/lower`))}>
          {t('Lower')}
        </button>
      </span>
    </li>
  );
}

function Hands({ webinar }: PartProps) {
  const { t } = webinar.room;
  const { busy, run } = useAction(webinar.room);
  const now = useMinute();
  const hands = webinar.handsHere().slice(0, MOST_ROWS);
  const count = webinar.countHere();
  const more = count - hands.length;
  return (
    <section className="stack" aria-labelledby="webinar-hands">
      <h3 id="webinar-hands">{t('Raised hands')}</h3>
      {!hands.length && <p className="hint">{t('Nobody has raised a hand. Hands appear here in the order of raising.')}</p>}
      {hands.length > 0 && (
        <div className="row row-sm">
          <button type="button" className="btn btn-primary" disabled={busy} onClick={() => void run(() => webinar.call('/next', false))}>
            {t('Next')}
          </button>
          <button type="button" className="btn" disabled={busy} onClick={() => void run(() => webinar.act('/clear'))}>
            {t('Clear all')}
          </button>
        </div>
      )}
      {hands.length > 0 && (
        <ol className="webinar-list">
          {hands.map((hand) => (
            <Row key={hand.identity} webinar={webinar} hand={hand} now={now} />
          ))}
        </ol>
      )}
      {more > 0 && <p className="hint">{t('and {count} more', { count: more })}</p>}
    </section>
  );
}

function FloorRow({ webinar, holder }: PartProps & { holder: Holder }) {
  const { t } = webinar.room;
  const { busy, run } = useAction(webinar.room);
  const name = webinar.nameOf(holder);
  return (
    <li className="webinar-row webinar-holder" aria-busy={busy}>
      <span className="webinar-who">
        <span className="truncate">{name}</span>
        <span className="hint">{holder.camera_and_screen ? t('with camera and screen') : t('microphone')}</span>
      </span>
      <button type="button" className="btn btn-sm" disabled={busy} aria-label={t('Take back the floor from {name}', { name })} onClick={() => void run(() => webinar.act(`/people/${holder.identity}/take-back`))}>
        {t('Take back')}
      </button>
    </li>
  );
}

function Floors({ webinar }: PartProps) {
  const { t } = webinar.room;
  const { busy, run } = useAction(webinar.room);
  const { floors, floors_count: count, on } = webinar.queue;
  if (!on) return null;
  return (
    <section className="stack" aria-labelledby="webinar-floors">
      <h3 id="webinar-floors">{t('Have the floor')}</h3>
      {!floors.length && <p className="hint">{t('Only the hosts.')}</p>}
      {floors.length > 0 && (
        <ul className="webinar-list">
          {floors.map((holder) => (
            <FloorRow key={holder.identity} webinar={webinar} holder={holder} />
          ))}
        </ul>
      )}
      {count > floors.length && <p className="hint">{t('and {count} more', { count: count - floors.length })}</p>}
      {count > 1 && (
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => webinar.act('/take-back-all'))}>
          {t('Take back from everybody')}
        </button>
      )}
    </section>
  );
}

export function Panel({ webinar }: PartProps) {
  const { t } = webinar.room;
  if (webinar.failed) {
    return (
      <div className="stack">
        <p role="alert">{t('This can’t be shown right now.')}</p>
        <button type="button" className="btn" onClick={() => void webinar.fetch()}>
          {t('Try again')}
        </button>
      </div>
    );
  }
  return (
    <div className="stack webinar-panel">
      <Mode webinar={webinar} />
      <Hands webinar={webinar} />
      <Floors webinar={webinar} />
    </div>
  );
}
