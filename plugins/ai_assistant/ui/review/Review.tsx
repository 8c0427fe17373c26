/** The whole page: how it stands, the summary to be edited, the transcript beside it. */
import { Dialog, PageIcon } from '@audimax/kit';
import { useEffect, useId, useState, useSyncExternalStore } from 'react';
import type { Review as ReviewState, ReviewDesk } from './desk';
import { Editor } from './Editor';
import { clock, EMPTY, type Sentence, type Summary } from './summary';
import { Transcript } from './Transcript';
import './review.css';

type Props = { desk: ReviewDesk; review: ReviewState };

function standing({ page: { t } }: ReviewDesk, review: ReviewState): { kind: string; icon: string; text: string } | null {
  const why = review.why ? ` ${review.why}` : '';
  switch (review.state) {
    case 'waiting':
      return { kind: '', icon: 'clock', text: t('The lecture is running. The summary is made after its end.') };
    case 'transcribing':
      return { kind: '', icon: 'loader-circle', text: t('The last words are being written down.') };
    case 'summarizing':
      return { kind: '', icon: 'loader-circle', text: t('The summary is being made. It appears here by itself.') + why };
    case 'failed':
      return { kind: 'alert-error', icon: 'circle-alert', text: t('There is no summary by a language model: {why}.', { why: review.why || t('something unexpected happened') }) };
    case 'none':
      return { kind: '', icon: 'info', text: t('Nothing was kept of this lecture, so there is nothing to sum up.') };
    case 'done':
      return null;
  }
}

function State({ desk, review }: Props) {
  const { t } = desk.page;
  const told = standing(desk, review);
  return (
    <>
      {!desk.connected && <p className="alert alert-warn" role="status">{t('The connection was lost. Trying again …')}</p>}
      {told && (
        <div className={`alert ${told.kind}`} role="status">
          {told.icon === 'loader-circle' ? <span className="spinner" /> : <PageIcon page={desk.page} name={told.icon} />}
          <span className="grow">{told.text}</span>
          {review.can_retry && (
            <button type="button" className="btn btn-sm" disabled={desk.busy} onClick={() => void desk.retry()}>
              {t('Try again')}
            </button>
          )}
        </div>
      )}
    </>
  );
}

function readers({ page: { t } }: ReviewDesk, review: ReviewState): string {
  if (review.hidden) return t('Hidden: only hosts see the summary.');
  if (review.readers === 'hosts') return t('Only hosts see the summary: the room says so.');
  if (review.readers === 'everyone') return t('Everybody who reads the lecture’s page sees the summary.');
  return review.approved ? t('Approved: everybody who reads the lecture’s page sees the summary.') : t('Only hosts see the summary until one of them approves it.');
}

function MadeBy({ desk, review }: Props) {
  const { t } = desk.page;
  if (review.is_draft) return <span className="badge badge-warn">{t('Draft without a language model')}</span>;
  return (
    <>
      {review.model && <span className="badge">{t('Made by {model}', { model: review.model })}</span>}
      {review.edited && <span className="badge badge-accent">{t('Edited by a host')}</span>}
    </>
  );
}

function Readers({ desk, review }: Props) {
  const { t } = desk.page;
  const id = useId();
  return (
    <section className="card stack stack-sm" aria-labelledby={id}>
      <div className="row spread">
        <h2 id={id}>{t('Who sees it')}</h2>
        <span className="row row-sm">
          <MadeBy desk={desk} review={review} />
        </span>
      </div>
      <p>{readers(desk, review)}</p>
      <div className="row row-sm">
        {review.readers === 'approved' && !review.hidden && (
          <button type="button" className={review.approved ? 'btn' : 'btn btn-primary'} disabled={desk.busy || desk.mine !== null} onClick={() => void desk.approve(!review.approved)}>
            {review.approved ? t('Take the approval back') : t('Approve')}
          </button>
        )}
        {review.readers !== 'hosts' && (
          <button type="button" className="btn" disabled={desk.busy} aria-pressed={review.hidden} onClick={() => void desk.hide(!review.hidden)}>
            {t('Hide')}
          </button>
        )}
        {desk.mine !== null && review.readers === 'approved' && !review.approved && <span className="hint">{t('Save first, then approve.')}</span>}
      </div>
    </section>
  );
}

// --- made again -----------------------------------------------------------------------

function Again({ desk, review }: Props) {
  const { t } = desk.page;
  const id = useId();
  const [model, setModel] = useState('');
  const isBusy = desk.busy || review.state === 'summarizing';
  if (!review.lines || review.state === 'waiting' || review.state === 'transcribing') return null;
  return (
    <section className="card stack stack-sm" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{t('Summarize again')}</h2>
      <p className="hint">{review.models.length ? t('What you have written stays until you take the new version.') : t('There is no language model: another draft is made from the transcript.')}</p>
      <div className="row row-sm">
        {review.models.length > 1 && (
          <div className="field review-model">
            <label htmlFor={id} className="sr-only">
              {t('Language model')}
            </label>
            <select id={id} value={model || review.models[0]} onChange={(event) => setModel(event.target.value)}>
              {review.models.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </div>
        )}
        <button type="button" className="btn" disabled={isBusy} onClick={() => void desk.again(model)}>
          {t('Summarize again')}
        </button>
      </div>
      {review.edited && review.generated && <Generated desk={desk} made={review.generated} />}
      <Used desk={desk} review={review} />
    </section>
  );
}

function Plain({ sentences }: { sentences: Sentence[] }) {
  return <p>{sentences.map((one) => one.text).join(' ')}</p>;
}

/** What was made last, in front of which the host's own version stands. */
function Generated({ desk, made }: { desk: ReviewDesk; made: Summary }) {
  const { t } = desk.page;
  const id = useId();
  const [asking, setAsking] = useState(false);
  return (
    <details>
      <summary>{t('The version that was made last')}</summary>
      <div className="stack stack-sm review-made">
        <Plain sentences={made.overview} />
        {made.topics.map((topic, at) => (
          <div key={at}>
            <h3>
              {clock(topic.at)} {topic.title}
            </h3>
            <Plain sentences={topic.text} />
          </div>
        ))}
        <div>
          <button type="button" className="btn btn-sm" onClick={() => setAsking(true)}>
            {t('Take this version')}
          </button>
        </div>
      </div>
      {asking && (
        <Dialog labelledBy={id} onClose={() => setAsking(false)}>
          <h2 id={id}>{t('Take this version?')}</h2>
          <p>{t('What hosts have written is given up for it.')}</p>
          <div className="dialog-actions">
            <button type="button" className="btn" onClick={() => setAsking(false)}>
              {t('Cancel')}
            </button>
            <button type="button" className="btn btn-danger" disabled={desk.busy} onClick={() => void desk.takeNew().then(() => setAsking(false))}>
              {t('Take this version')}
            </button>
          </div>
        </Dialog>
      )}
    </details>
  );
}

function Used({ desk, review }: Props) {
  const { t } = desk.page;
  const { seconds, tokens_in, tokens_out, cost } = review.usage;
  const tokens = tokens_in + tokens_out;
  if (!seconds && !tokens) return null;
  const used = t('So far: {minutes} minutes of speech, {tokens} tokens.', { minutes: Math.round(seconds / 60), tokens: tokens.toLocaleString(String(desk.page.plugin.config.locale ?? 'en')) });
  return <p className="hint">{cost ? `${used} ${t('Price: {price}', { price: cost.toFixed(2) })}` : used}</p>;
}

// --- what isn't saved -----------------------------------------------------------------

function Unsaved({ desk }: { desk: ReviewDesk }) {
  const { t } = desk.page;
  if (!desk.mine) return null;
  return (
    <div className="review-bar" role="group" aria-label={t('Not saved yet')}>
      {desk.conflict ? (
        <>
          <p className="grow" role="alert">
            {t('Somebody else has changed the summary meanwhile. Yours is still here, and not saved.')}
          </p>
          <button type="button" className="btn btn-sm" onClick={() => desk.discard()}>
            {t('Take theirs')}
          </button>
          <button type="button" className="btn btn-sm" onClick={() => desk.keepMine()}>
            {t('Keep mine')}
          </button>
        </>
      ) : (
        <>
          <p className="grow">{t('Not saved yet')}</p>
          <button type="button" className="btn btn-sm" disabled={desk.busy} onClick={() => desk.discard()}>
            {t('Discard')}
          </button>
          <button type="button" className="btn btn-sm btn-primary" disabled={desk.busy} aria-busy={desk.busy} aria-keyshortcuts="Control+S" onClick={() => void save(desk)}>
            {t('Save')}
          </button>
        </>
      )}
    </div>
  );
}

async function save(desk: ReviewDesk) {
  if (await desk.save()) desk.page.announce(desk.page.t('Saved.'));
}

function useSaveKey(desk: ReviewDesk) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 's') return;
      event.preventDefault();
      void save(desk);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [desk]);
}

// --- all of it ------------------------------------------------------------------------

function NoSummary({ desk, review }: Props) {
  const { t } = desk.page;
  if (review.state === 'waiting' || review.state === 'transcribing' || review.state === 'none') return null;
  return (
    <div className="card empty">
      <PageIcon page={desk.page} name="sparkles" />
      <h2>{t('There is no summary yet')}</h2>
      <button type="button" className="btn" onClick={() => desk.change(EMPTY)}>
        {t('Write one yourself')}
      </button>
    </div>
  );
}

export function Review({ desk }: { desk: ReviewDesk }) {
  const { t } = desk.page;
  useSyncExternalStore(desk.subscribe, desk.snapshot);
  useSaveKey(desk);
  const { review, summary } = desk;
  if (!review && desk.failure) {
    return (
      <div className="alert alert-error" role="alert">
        <span className="grow">{desk.failure}</span>
        <button type="button" className="btn btn-sm" onClick={() => void desk.look(true)}>
          {t('Try again')}
        </button>
      </div>
    );
  }
  if (!review) return <p role="status">{t('Loading …')}</p>;
  return (
    <div className="review stack">
      <State desk={desk} review={review} />
      <div className="review-columns">
        <div className="stack">
          {summary && <Readers desk={desk} review={review} />}
          {summary ? <Editor desk={desk} summary={summary} /> : <NoSummary desk={desk} review={review} />}
          <Again desk={desk} review={review} />
        </div>
        <Transcript desk={desk} />
      </div>
      <Unsaved desk={desk} />
    </div>
  );
}
