/** All that was said: turn by turn, to search and to read back, also for those who come late. */
import { useAction } from '@audimax/kit';
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import type { Assistant } from './assistant';
import { clock, colourOf, textFor, turnsOf, type Caption, type KeptLine, type Turn } from './captions';
import { useLines } from './use';

const AT_END = 48;
const NEAR_START = 80;

// --- what everybody may change ---

function Switch({ on, busy, label, hint, onChange }: { on: boolean; busy: boolean; label: string; hint: string; onChange(on: boolean): void }) {
  return (
    <label className="check transcript-switch">
      <input type="checkbox" role="switch" checked={on} disabled={busy} onChange={(event) => onChange(event.target.checked)} />
      <div>
        {label}
        <span className="hint">{hint}</span>
      </div>
    </label>
  );
}

function HostsPart({ assistant }: { assistant: Assistant }) {
  const { t } = assistant.room;
  const { busy, run } = useAction(assistant.room);
  const { captions, keep } = assistant.standing;
  return (
    <fieldset className="transcript-hosts">
      <legend className="sr-only">{t('For everybody')}</legend>
      <Switch on={captions} busy={busy} label={t('Live captions for everybody')} hint={t('People see what is said while it is said.')} onChange={(on) => void run(() => assistant.set('captions', on))} />
      <Switch on={keep} busy={busy} label={t('Keep the transcript')} hint={t('It stays with the lecture, with a summary. What is said while this is off is nowhere.')} onChange={(on) => void run(() => assistant.set('keep', on))} />
    </fieldset>
  );
}

function MyPart({ assistant }: { assistant: Assistant }) {
  const { t } = assistant.room;
  const { busy, run } = useAction(assistant.room);
  const { heard, asks, status } = assistant.standing;
  if (status === 'off') return null;
  const words = heard
    ? t('What you say is written along.')
    : asks ? t('What you say is written along only if you agree.') : t('What you say isn’t written along.');
  const label = heard ? t('Don’t write me along') : asks ? t('I agree: write me along') : t('Write me along again');
  return (
    <div className="transcript-me">
      <span className="small">{words}</span>
      <button type="button" className="btn btn-sm" aria-busy={busy} onClick={() => void run(() => assistant.wish(!heard))}>
        {label}
      </button>
    </div>
  );
}

// --- lines ---

/** The text with what was looked for marked in it. */
function Marked({ text, sought }: { text: string; sought: string }): ReactNode {
  if (!sought) return text;
  const parts: ReactNode[] = [];
  const [low, wanted] = [text.toLocaleLowerCase(), sought.toLocaleLowerCase()];
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  return [...parts, text.slice(from)];
}

export function show(line: Caption, sought = '') {
  return (
    <span key={line.id} id={`said-${line.id}`} data-final={line.final} lang={line.language || undefined} tabIndex={-1}>
      <Marked text={textFor(line)} sought={sought} />{' '}
    </span>
  );
}

function Said({ turn, assistant, sought = '' }: { turn: Turn; assistant: Assistant; sought?: string }) {
  const { t } = assistant.room;
  if (turn.gap) return <li className="transcript-gap">{t('Nobody listened here.')}</li>;
  return (
    <li className="transcript-turn" data-colour={colourOf(turn.identity)}>
      <p className="transcript-who">
        <b>{turn.name}</b> <time>{clock(turn.at)}</time>
      </p>
      <p className="transcript-text">{turn.lines.map((line) => show(line, sought))}</p>
    </li>
  );
}

// --- searching ---

type Found = { sought: string; lines: readonly KeptLine[] | null; failed?: boolean };

function useSearch(assistant: Assistant, here: readonly Caption[]) {
  const [found, setFound] = useState<Found | null>(null);
  const latest = useRef('');
  const search = async (sought: string) => {
    latest.current = sought;
    if (!sought) return setFound(null);
    setFound({ sought, lines: null });
    const low = sought.toLocaleLowerCase();
    // What isn't kept is on this page only.
    const local = () => here.filter((line) => line.text.toLocaleLowerCase().includes(low)).map((line) => ({ ...line, gap: false }));
    try {
      const lines = assistant.standing.keep ? await assistant.search(sought) : local();
      if (latest.current === sought) setFound({ sought, lines });
    } catch {
      if (latest.current === sought) setFound({ sought, lines: local(), failed: true });
    }
  };
  return { found, search };
}

function Results({ assistant, found }: { assistant: Assistant; found: Found }) {
  const { t } = assistant.room;
  if (!found.lines) return <p className="muted" role="status">{t('Searching …')}</p>;
  const count = found.lines.length;
  const lines = found.lines.map((line) => ({ ...line, final: true }));
  return (
    <>
      <p className="small muted" role="status">
        {count === 1 ? t('1 line has it.') : t('{count} lines have it.', { count })}{' '}
        {found.failed && t('Only what is on this page was searched: the server can’t be reached.')}
      </p>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling area must be reachable by keyboard */}
      <div className="transcript-lines" role="group" tabIndex={0} aria-label={t('Lines that have it')}>
        <ol>
          {turnsOf(lines, 1).map((turn) => (
            <Said key={turn.key} turn={turn} assistant={assistant} sought={found.sought} />
          ))}
        </ol>
      </div>
    </>
  );
}

// --- all of it ---

function Beginning({ assistant, isEmpty }: { assistant: Assistant; isEmpty: boolean }) {
  const { t } = assistant.room;
  if (assistant.loading) return <li className="transcript-beginning">{t('Loading earlier lines …')}</li>;
  if (assistant.loadFailed) {
    return (
      <li className="transcript-beginning">
        {t('Earlier lines can’t be loaded now.')}{' '}
        <button type="button" className="link" onClick={() => void assistant.load(!isEmpty)}>
          {t('Try again')}
        </button>
      </li>
    );
  }
  if (!isEmpty || assistant.hasOlder) return null;
  return <li className="transcript-beginning">{t('Nobody has said anything yet.')}</li>;
}

/** Follows the end, or stays where somebody reads. */
function useFollow(lines: readonly Caption[], load: () => void) {
  const list = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const height = useRef(0);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    if (follows) element.scrollTop = element.scrollHeight;
    // What comes in above must not move what is being read.
    else if (element.scrollTop < NEAR_START && height.current) element.scrollTop += element.scrollHeight - height.current;
    height.current = element.scrollHeight;
  }, [lines, follows]);
  const onScroll = () => {
    const element = list.current!;
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < AT_END);
    if (element.scrollTop < NEAR_START) load();
  };
  return { list, follows, onScroll, toEnd: () => setFollows(true) };
}

function Lines({ assistant }: { assistant: Assistant }) {
  const { t } = assistant.room;
  const lines = useLines(assistant.captions);
  const load = useCallback(() => void assistant.load(true), [assistant]);
  const { list, follows, onScroll, toEnd } = useFollow(lines, load);
  const turns = turnsOf(lines);
  return (
    <div className="transcript-all">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling area must be reachable by keyboard */}
      <div ref={list} className="transcript-lines" role="log" aria-live="off" aria-label={t('What was said')} tabIndex={0} onScroll={onScroll}>
        <ol>
          <Beginning assistant={assistant} isEmpty={!turns.length} />
          {turns.map((turn) => (
            <Said key={turn.key} turn={turn} assistant={assistant} />
          ))}
        </ol>
      </div>
      <ReadOut lines={lines} />
      {!follows && (
        <button type="button" className="btn btn-sm transcript-newest" onClick={toEnd}>
          {t('To the newest')}
        </button>
      )}
    </div>
  );
}

/** Screen readers hear each line once, when it is there for good. */
function ReadOut({ lines }: { lines: readonly Caption[] }) {
  const last = lines.findLast((line) => line.final && !line.gap);
  return (
    <p className="sr-only" aria-live="polite">
      {last ? `${last.name}: ${textFor(last)}` : ''}
    </p>
  );
}

export function Panel({ assistant }: { assistant: Assistant }) {
  const { t, me } = assistant.room;
  const [typed, setTyped] = useState('');
  const { found, search } = useSearch(assistant, assistant.captions.all());
  const words = assistant.statusWords();
  useEffect(() => {
    if (assistant.standing.keep) void assistant.load();
  }, [assistant, assistant.standing.keep]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void search(typed.trim());
  };
  const change = (text: string) => {
    setTyped(text);
    if (!text.trim()) void search('');
  };
  return (
    <div className="transcript">
      {me.isHost && <HostsPart assistant={assistant} />}
      {words && <p className="transcript-status" role="status">{words}</p>}
      {assistant.standing.consent && <p className="small muted">{assistant.standing.consent}</p>}
      <MyPart assistant={assistant} />
      <form role="search" className="transcript-search" onSubmit={submit}>
        <input type="search" value={typed} maxLength={200} aria-label={t('Search what was said')} placeholder={t('Search what was said')} onChange={(event) => change(event.target.value)} />
        <button type="submit" className="btn btn-sm">
          {t('Search')}
        </button>
      </form>
      {found ? <Results assistant={assistant} found={found} /> : <Lines assistant={assistant} />}
    </div>
  );
}
