/** The uncut film, which leaves out what is to go while it plays, and a picture of what remains. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import type { EditDesk, Standing } from './desk';
import { clock, inOrder, kept, together, type Passage } from './times';

/** Where it goes on when it plays into a passage; null where it just goes on. */
export function skips(passages: readonly Passage[], second: number): number | null {
  const within = passages.find(([from, to]) => from <= second && second < to - 0.05);
  return within ? within[1] : null;
}

export function Film({ desk, standing, video }: { desk: EditDesk; standing: Standing; video: RefObject<HTMLVideoElement | null> }) {
  const { t } = desk.page;
  const [leavesOut, setLeavesOut] = useState(true);
  const cuts = useRef<Passage[]>([]);
  useEffect(() => {
    cuts.current = leavesOut ? inOrder(desk.shownCuts) : [];
  });
  useEffect(() => {
    const film = video.current;
    if (!film) return;
    const look = () => {
      const to = film.paused || film.seeking ? null : skips(cuts.current, film.currentTime);
      if (to === null) return;
      if (to >= film.duration - 0.1) film.pause();
      film.currentTime = Math.min(to, film.duration || to);
    };
    film.addEventListener('timeupdate', look);
    return () => film.removeEventListener('timeupdate', look);
  }, [video, standing.url]);
  return (
    <section className="card stack stack-sm" aria-label={t('Film')}>
      {/* eslint-disable-next-line jsx-a11y/media-has-caption -- captions are made for the film that people watch, this is the one it is cut from */}
      <video ref={video} className="edit-film" src={standing.url} controls playsInline preload="metadata" aria-label={t('The film without any cut')} />
      <Remains desk={desk} standing={standing} />
      <label className="check">
        <input type="checkbox" checked={leavesOut} onChange={(event) => setLeavesOut(event.target.checked)} />
        {t('Leave out what is to be cut while it plays')}
      </label>
    </section>
  );
}

function Remains({ desk, standing }: { desk: EditDesk; standing: Standing }) {
  const { t } = desk.page;
  const { length, keys } = standing;
  const parts = kept(inOrder(desk.shownCuts), keys, length);
  const part = ([from, to]: Passage) => ({ insetInlineStart: `${(from / length) * 100}%`, width: `${((to - from) / length) * 100}%` });
  return (
    <>
      <div className="edit-bar" aria-hidden="true">
        {parts.map((one) => (
          <span key={one[0]} style={part(one)} />
        ))}
      </div>
      <p className="small muted">{t('{kept} of {length} remain. After a cut the film goes on at the next full picture, up to five seconds later.', { kept: clock(together(parts)), length: clock(length) })}</p>
    </>
  );
}
