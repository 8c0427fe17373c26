/** Chapters by hand; without any the film has those of the lecture's topics. */
import { PageIcon } from '@audimax/kit';
import { useId } from 'react';
import { MOST, type EditDesk, type Standing } from './desk';
import { Time } from './parts';
import type { Chapter } from './times';

const LONGEST_TITLE = 200;

export function Chapters({ desk, standing, here, go }: { desk: EditDesk; standing: Standing; here(): number; go(second: number): void }) {
  const { t, announce } = desk.page;
  const id = useId();
  const chapters = desk.shownChapters;
  const areTopics = desk.chapters === null && standing.chapters === undefined;
  const put = (place: number, chapter: Chapter) => desk.divide(chapters.map((one, at) => (at === place ? chapter : one)));
  const save = async (chosen?: Chapter[] | null) => {
    if (await desk.saveChapters(chosen)) announce(t('The chapters are saved.'));
  };
  return (
    <section className="card stack" aria-labelledby={id}>
      <h2 id={id}>{t('Chapters')}</h2>
      {areTopics && <p className="muted">{standing.topics.length ? t('These are the topics of the summary. What you change here stays as you leave it.') : t('There are none yet.')}</p>}
      {chapters.length > 0 && (
        <ol className="edit-list">
          {chapters.map(([at, title], place) => (
            <li key={place}>
              <Time desk={desk} label={t('Chapter {number} begins', { number: place + 1 })} value={at} here={here} onChange={(second) => put(place, [second, title])} />
              <input className="edit-title" aria-label={t('Title of chapter {number}', { number: place + 1 })} value={title} maxLength={LONGEST_TITLE} onChange={(event) => put(place, [at, event.target.value])} />
              <span className="row row-sm">
                <button type="button" className="btn btn-sm btn-ghost" aria-label={t('Play chapter {number}', { number: place + 1 })} onClick={() => go(at)}>
                  <PageIcon page={desk.page} name="play" />
                </button>
                <button type="button" className="btn btn-sm btn-ghost" aria-label={t('Remove chapter {number}', { number: place + 1 })} onClick={() => desk.divide(chapters.filter((_one, other) => other !== place))}>
                  <PageIcon page={desk.page} name="trash-2" />
                </button>
              </span>
            </li>
          ))}
        </ol>
      )}
      <div className="row row-sm">
        <button type="button" className="btn" disabled={chapters.length >= MOST} onClick={() => desk.divide([...chapters, [Math.round(here() * 10) / 10, '']])}>
          <PageIcon page={desk.page} name="plus" /> {t('Chapter from here')}
        </button>
        <button type="button" className="btn btn-primary" disabled={desk.chapters === null || desk.busy || desk.conflict} onClick={() => void save()}>
          {t('Save the chapters')}
        </button>
        {standing.chapters !== undefined && (
          <button type="button" className="btn" disabled={desk.busy} onClick={() => void save(null)}>
            {t('Use the topics')}
          </button>
        )}
      </div>
    </section>
  );
}
