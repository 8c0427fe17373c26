/** What was said, beside the summary: searched, corrected line by line or everywhere. */
import { PageIcon } from '@audimax/kit';
import { memo, useEffect, useId, useRef, useState, useSyncExternalStore, type FormEvent } from 'react';
import { Correct } from './Correct';
import type { Line, ReviewDesk } from './desk';
import { clock } from './summary';

const LONGEST_LINE = 2000;

function EditLine({ desk, line, onDone }: { desk: ReviewDesk; line: Line; onDone(): void }) {
  const { t } = desk.page;
  const id = useId();
  const [text, setText] = useState(line.text);
  useSyncExternalStore(desk.subscribe, desk.snapshot);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === line.text || (await desk.correctLine(line.id, text))) onDone();
  };
  return (
    <form className="stack stack-sm" aria-busy={desk.busy} onSubmit={(event) => void submit(event)}>
      <label className="sr-only" htmlFor={id}>
        {t('What was said')}
      </label>
      <textarea id={id} rows={2} maxLength={LONGEST_LINE} autoFocus value={text} onChange={(event) => setText(event.target.value)} onKeyDown={(event) => event.key === 'Escape' && onDone()} />
      <div className="row row-sm">
        <button type="submit" className="btn btn-sm btn-primary" disabled={desk.busy || !text.trim()}>
          {t('Correct')}
        </button>
        <button type="button" className="btn btn-sm" onClick={onDone}>
          {t('Cancel')}
        </button>
      </div>
    </form>
  );
}

/** Two thousand of them aren't drawn anew with each letter of the summary. */
const Said = memo(function Said({ desk, line, isShown }: { desk: ReviewDesk; line: Line; isShown: boolean }) {
  const { t } = desk.page;
  const [editing, setEditing] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const done = () => {
    setEditing(false);
    requestAnimationFrame(() => button.current?.focus());
  };
  if (line.gap) return <li className="review-gap hint">{t('{time}: nobody listened for a while', { time: clock(line.at) })}</li>;
  return (
    <li id={`line-${line.number}`} tabIndex={-1} className={isShown ? 'review-shown' : undefined}>
      <div className="review-line-head">
        <span className="review-time">{clock(line.at)}</span>
        <span className="review-name">{line.name}</span>
        {line.edited && <span className="hint">{t('corrected')}</span>}
        {!editing && (
          <button ref={button} type="button" className="btn btn-sm btn-icon btn-ghost" aria-label={t('Correct what {name} said at {time}', { name: line.name, time: clock(line.at) })} onClick={() => setEditing(true)}>
            <PageIcon page={desk.page} name="pencil" />
          </button>
        )}
      </div>
      {editing ? <EditLine desk={desk} line={line} onDone={done} /> : <p>{line.text || t('removed')}</p>}
      {isShown && (
        <button type="button" className="btn btn-sm" onClick={() => back(desk)}>
          {t('Back to the summary')}
        </button>
      )}
    </li>
  );
});

/** Where the citation was that led here. */
let cameFrom: HTMLElement | null = null;

function back(desk: ReviewDesk) {
  desk.hideShown();
  cameFrom?.focus();
}

/** The line that a citation leads to is in sight and has the focus. */
function useShown(desk: ReviewDesk) {
  const { shown, shownTimes } = desk;
  useEffect(() => {
    if (shown === null) return;
    if (document.activeElement instanceof HTMLAnchorElement) cameFrom = document.activeElement;
    const line = document.getElementById(`line-${shown}`);
    line?.scrollIntoView?.({ block: 'center' });
    line?.focus({ preventScroll: true });
  }, [shown, shownTimes]);
}

function Lines({ desk }: { desk: ReviewDesk }) {
  const { t } = desk.page;
  const found = desk.found();
  useShown(desk);
  if (desk.linesState === 'loading') return <p role="status">{t('Loading the transcript …')}</p>;
  if (desk.linesState === 'failed') return <Failed desk={desk} />;
  if (!desk.lines.length) return <p className="muted">{t('Nothing was kept of what was said.')}</p>;
  return (
    <>
      <p className="hint" role="status">
        {desk.search.trim() ? t('Found: {count} of {all} lines', { count: found.length, all: desk.lines.length }) : t('Lines: {count}', { count: found.length })}
      </p>
      <ol className="review-lines">
        {found.map((line) => (
          <Said key={line.id} desk={desk} line={line} isShown={line.number !== null && line.number === desk.shown} />
        ))}
      </ol>
    </>
  );
}

function Failed({ desk }: { desk: ReviewDesk }) {
  const { t } = desk.page;
  return (
    <div className="alert alert-error" role="alert">
      <span>
        {t('The transcript can’t be loaded.')}{' '}
        <button type="button" className="btn btn-sm" onClick={() => void desk.look()}>
          {t('Try again')}
        </button>
      </span>
    </div>
  );
}

export function Transcript({ desk }: { desk: ReviewDesk }) {
  const { t } = desk.page;
  const id = useId();
  const [correcting, setCorrecting] = useState(false);
  return (
    <section className="card stack review-transcript" aria-labelledby={`${id}-title`}>
      <div className="row spread">
        <h2 id={`${id}-title`}>{t('Transcript')}</h2>
        {desk.lines.length > 0 && (
          <button type="button" className="btn btn-sm" onClick={() => setCorrecting(true)}>
            {t('Correct a word everywhere')}
          </button>
        )}
      </div>
      {desk.lines.length > 0 && (
        <div className="field">
          <label htmlFor={id} className="sr-only">
            {t('Search the transcript')}
          </label>
          <input id={id} type="search" value={desk.search} maxLength={200} placeholder={t('Search the transcript')} onChange={(event) => desk.find(event.target.value)} />
        </div>
      )}
      <Lines desk={desk} />
      {correcting && <Correct desk={desk} onClose={() => setCorrecting(false)} />}
    </section>
  );
}
