/** A name or a term that was misheard, put right everywhere; what would change is shown first. */
import { Dialog } from '@audimax/kit';
import { useEffect, useId, useState, type FormEvent } from 'react';
import type { Corrected, ReviewDesk } from './desk';

const LONGEST_WORD = 200;
const TYPING_MS = 400;

interface Looked {
  /** The words that this is about. */
  of: string;
  found: Corrected | null;
  problem: string;
}

/** What would change, asked a moment after the last key. */
function usePreview(desk: ReviewDesk, from: string, to: string, everywhere: boolean): Looked | null {
  const [looked, setLooked] = useState<Looked | null>(null);
  const of = JSON.stringify([from, to, everywhere]);
  useEffect(() => {
    if (!from.trim() || !to.trim()) return;
    let isOld = false;
    const tell = (found: Corrected | null, problem = '') => isOld || setLooked({ of, found, problem });
    const ask = () => desk.correct(from, to, everywhere, true).then(
      (found) => tell(found),
      (error: unknown) => tell(null, error instanceof Error ? error.message : String(error)),
    );
    const timer = setTimeout(() => void ask(), TYPING_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [desk, of, from, to, everywhere]);
  return looked?.of === of ? looked : null;
}

function Preview({ desk, looked, isAsked }: { desk: ReviewDesk; looked: Looked | null; isAsked: boolean }) {
  const { t } = desk.page;
  if (!isAsked) return <p className="hint">{t('What changes is shown here first.')}</p>;
  if (!looked) return <p role="status">{t('Looking …')}</p>;
  if (!looked.found) return <p className="error" role="alert">{looked.problem}</p>;
  const { lines, places = 0, samples } = looked.found;
  return (
    <div className="stack stack-sm">
      <p role="status">
        {lines + places === 0 ? t('This word doesn’t occur.') : t('Lines: {lines}, places in the summary: {places}', { lines, places })}
      </p>
      {samples.length > 0 && (
        <ul className="review-samples">
          {samples.map((sample, at) => (
            <li key={at}>{sample}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

export function Correct({ desk, onClose }: { desk: ReviewDesk; onClose(): void }) {
  const { t, announce, toast } = desk.page;
  const id = useId();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [everywhere, setEverywhere] = useState(true);
  const [busy, setBusy] = useState(false);
  const looked = usePreview(desk, from, to, everywhere);
  const finds = looked?.found ? looked.found.lines + (looked.found.places ?? 0) : 0;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { lines } = await desk.correct(from, to, everywhere, false);
      announce(t('Corrected lines: {count}', { count: lines }));
      onClose();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), { kind: 'error' });
      setBusy(false);
    }
  };
  return (
    <Dialog labelledBy={`${id}-title`} onClose={onClose}>
      <form className="stack" aria-busy={busy} onSubmit={(event) => void submit(event)}>
        <h2 id={`${id}-title`}>{t('Correct a word everywhere')}</h2>
        <div className="review-two">
          <div className="field">
            <label htmlFor={`${id}-from`}>{t('What is there')}</label>
            <input id={`${id}-from`} value={from} maxLength={LONGEST_WORD} autoFocus autoComplete="off" onChange={(event) => setFrom(event.target.value)} />
          </div>
          <div className="field">
            <label htmlFor={`${id}-to`}>{t('What it should be')}</label>
            <input id={`${id}-to`} value={to} maxLength={LONGEST_WORD} autoComplete="off" onChange={(event) => setTo(event.target.value)} />
          </div>
        </div>
        <label className="check">
          <input type="checkbox" checked={everywhere} onChange={(event) => setEverywhere(event.target.checked)} />
          {t('In the summary too')}
        </label>
        {desk.mine && <p className="hint">{t('What you haven’t saved yet stays as you wrote it. Save it first to have it corrected too.')}</p>}
        <Preview desk={desk} looked={looked} isAsked={Boolean(from.trim() && to.trim())} />
        <div className="dialog-actions">
          <button type="button" className="btn" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" className="btn btn-primary" disabled={busy || finds === 0}>
            {t('Correct')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
