/** What hosts see of the door, the same in the room and on its own page. */
import { useAction } from '@audimax/kit';
import { useEffect, useId, useRef, useState, useSyncExternalStore, type FormEvent } from 'react';
import { isDoubtful, isOnList, type Door, type DoorState, type Past, type Person, type Who } from './door';
import './lobby.css';

const TICK_MS = 15_000;
const SEARCH_FROM = 8;
type Props = { door: Door; state: DoorState };

function useTick() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
}

function duration(door: Door, seconds: number): string {
  const { t } = door.page;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return t('just now');
  if (minutes < 60) return t('{minutes} min', { minutes });
  return t('{hours} h {minutes} min', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

// --- one person -----------------------------------------------------------------------

function Facts({ door, one }: { door: Door; one: Person }) {
  const { t } = door.page;
  return (
    <span className="lobby-facts">
      <span>{duration(door, door.waited(one))}</span>
      <span>· {one.returning ? t('was here before') : t('new')}</span>
      {one.gone && <span className="badge">{t('gone')}</span>}
      {one.listed && <span className="badge badge-ok">{t('on the class list')}</span>}
      {one.named && <span className="badge badge-accent">{t('name is on the class list')}</span>}
      {one.account && !one.listed && <span className="badge">{t('signed in')}</span>}
      {one.like_host && <span className="badge badge-warn">{t('a host’s name')}</span>}
      {one.doubled && <span className="badge badge-warn">{t('name is there twice')}</span>}
      {one.asked_before && <span className="badge badge-warn">{t('was sent away')}</span>}
    </span>
  );
}

interface RowProps {
  door: Door;
  one: Person;
  busy: boolean;
  onAdmit(): void;
  onReject(): void;
}

function Row({ door, one, busy, onAdmit, onReject }: RowProps) {
  const { t } = door.page;
  return (
    <li className={one.gone ? 'lobby-gone' : undefined}>
      <label className="lobby-person">
        <input type="checkbox" checked={door.selected.has(one.id)} onChange={() => door.toggle(one.id)} />
        <span>
          <span className="lobby-name">{one.name}</span>
          <Facts door={door} one={one} />
        </span>
      </label>
      <span className="lobby-acts">
        <button type="button" className="btn btn-sm" disabled={busy} aria-label={t('Send away {name}', { name: one.name })} onClick={onReject}>
          {t('Send away')}
        </button>
        <button type="button" data-admit className="btn btn-sm btn-primary" disabled={busy} aria-label={t('Let in {name}', { name: one.name })} onClick={onAdmit}>
          {t('Let in')}
        </button>
      </span>
    </li>
  );
}

// --- sending away ---------------------------------------------------------------------

function SendAway({ door, people, onClose }: { door: Door; people: { id: string; name: string }[]; onClose(): void }) {
  const { t } = door.page;
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [words, setWords] = useState('');
  const { busy, run } = useAction(door.page);
  const title = people.length === 1 ? t('Send {name} away?', { name: people[0].name }) : t('Send away: {count} people?', { count: people.length });
  useEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const ids = people.map((one) => one.id);
    if (await run(() => door.reject(ids, words), t('Sent away.'))) dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={`${id}-title`} onClose={onClose}>
      <form className="stack" aria-busy={busy} onSubmit={(event) => void submit(event)}>
        <h2 id={`${id}-title`}>{title}</h2>
        <p className="hint">{t('They may ask again after a minute. After the second time only a host can let them in.')}</p>
        <div className="field">
          <label htmlFor={id}>{t('What they read (optional)')}</label>
          <input id={id} value={words} maxLength={300} autoFocus placeholder={t('For example: please use your full name.')} onChange={(event) => setWords(event.target.value)} />
        </div>
        <div className="dialog-actions">
          <button type="button" className="btn" onClick={() => dialog.current?.close()}>
            {t('Cancel')}
          </button>
          <button type="submit" className="btn btn-danger" disabled={busy}>
            {t('Send away')}
          </button>
        </div>
      </form>
    </dialog>
  );
}

// --- the line -------------------------------------------------------------------------

function Line({ door, state }: Props) {
  const { t } = door.page;
  const { busy, run } = useAction(door.page);
  const [leaving, setLeaving] = useState<{ id: string; name: string }[] | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const next = useRef<number | null>(null);
  useTick();
  useEffect(() => {
    // The pressed button has gone with its row: on to the next one.
    if (next.current === null || document.activeElement !== document.body) return;
    const buttons = list.current?.querySelectorAll<HTMLElement>('[data-admit]') ?? [];
    const target = buttons[Math.min(next.current, buttons.length - 1)] ?? document.querySelector<HTMLElement>('.lobby-count');
    next.current = null;
    target?.focus();
  }, [state.people]);
  const admit = (one: Person, at: number) => {
    next.current = at;
    void run(() => door.admit([one.id]), t('{name} is let in.', { name: one.name }));
  };
  const chosen = [...door.selected];
  return (
    <>
      <Above door={door} state={state} />
      {state.people.length > 0 && (
        <ul className="lobby-list" ref={list} aria-label={t('Who is waiting')}>
          {state.people.map((one, at) => (
            <Row key={one.id} door={door} one={one} busy={busy} onAdmit={() => admit(one, at)} onReject={() => setLeaving([one])} />
          ))}
        </ul>
      )}
      {state.found > state.people.length && (
        <p className="hint">{t('The first {shown} of {count}. Search for a name to find others.', { shown: state.people.length, count: state.found })}</p>
      )}
      {chosen.length > 0 && (
        <div className="lobby-bar lobby-chosen" role="group" aria-label={t('Those selected')}>
          <span className="grow">{t('Selected: {count}', { count: chosen.length })}</span>
          <button type="button" className="btn btn-sm" disabled={busy} onClick={() => setLeaving(chosen.map((id) => ({ id, name: state.people.find((one) => one.id === id)?.name ?? '' })))}>
            {t('Send away')}
          </button>
          <button type="button" className="btn btn-sm btn-primary" disabled={busy} onClick={() => void run(() => door.admit(chosen), t('They are let in.'))}>
            {t('Let those selected in')}
          </button>
        </div>
      )}
      {leaving && <SendAway door={door} people={leaving} onClose={() => setLeaving(null)} />}
    </>
  );
}

function Above({ door, state }: Props) {
  const { t } = door.page;
  const { people } = state;
  const id = useId();
  const certain = people.filter((one) => isOnList(one) && !isDoubtful(one));
  const all = people.length > 0 && people.every((one) => door.selected.has(one.id));
  const searches = state.total > SEARCH_FROM || door.search !== '';
  return (
    <>
      {searches && (
        <div className="field">
          <label htmlFor={id} className="sr-only">
            {t('Search names')}
          </label>
          <input id={id} type="search" value={door.search} maxLength={100} placeholder={t('Search names')} onChange={(event) => door.look(event.target.value)} />
        </div>
      )}
      {door.search !== '' && state.found === 0 && <p className="lobby-nobody">{t('Nobody who waits has this name.')}</p>}
      {people.length > 1 && (
        <div className="lobby-bar">
          <label className="check grow">
            <input type="checkbox" checked={all} onChange={() => door.select(all ? [] : people.map((one) => one.id))} />
            {t('Select all shown')}
          </label>
          {certain.length > 0 && (
            <button type="button" className="btn btn-sm" onClick={() => door.select(certain.map((one) => one.id))}>
              {t('Select the class list ({count})', { count: certain.length })}
            </button>
          )}
        </div>
      )}
    </>
  );
}

// --- the whole door -------------------------------------------------------------------

function Head({ door, state }: Props) {
  const { t } = door.page;
  const { busy, run } = useAction(door.page);
  const words = state.total === 0 ? t('Nobody is waiting') : t('{count} waiting', { count: state.total });
  return (
    <>
      <div className="lobby-bar">
        <p className="lobby-count grow" tabIndex={-1}>
          {words}
        </p>
        <button type="button" className="btn btn-sm" aria-pressed={door.hasSound} onClick={() => door.toggleSound()}>
          {t('Sound')}
        </button>
        {state.total > 0 && (
          <button type="button" className="btn btn-sm btn-primary" disabled={busy} onClick={() => void run(() => door.admitAll(), t('Everybody who waited is let in.'))}>
            {t('Let all in')}
          </button>
        )}
      </div>
      {state.total === 0 && state.who_waits !== 'nobody' && <p className="lobby-nobody">{t('Whoever asks to come in appears here. You can let people in before you start.')}</p>}
      {state.ready > 0 && !state.live && <p className="hint">{t('Come in when the lecture starts: {count}', { count: state.ready })}</p>}
      {!door.connected && (
        <p className="alert alert-warn" role="status">
          {t('The connection was lost. Trying again …')}
        </p>
      )}
    </>
  );
}

function Rules({ door, state }: Props) {
  const { t } = door.page;
  const id = useId();
  const { busy, run } = useAction(door.page);
  return (
    <section className="stack stack-sm">
      <div className="field">
        <label htmlFor={id}>{t('Who has to wait')}</label>
        <select id={id} value={state.who_waits} disabled={busy} onChange={(event) => void run(() => door.whoWaits(event.target.value as Who))}>
          <option value="nobody">{t('Nobody: whoever has the link walks in')}</option>
          <option value="strangers">{t('People who aren’t signed in')}</option>
          <option value="everyone">{t('Everyone but the hosts')}</option>
        </select>
      </div>
      {state.who_waits !== 'nobody' && (
        <label className="lobby-open">
          <input type="checkbox" role="switch" checked={state.open} disabled={busy} onChange={() => void run(() => door.letEverybodyIn(!state.open))} />
          <span>
            {t('Let everyone in from now on')}
            <span className="hint"> {t('Until the lecture ends.')}</span>
          </span>
        </label>
      )}
    </section>
  );
}

function Message({ door, state }: Props) {
  const { t } = door.page;
  const id = useId();
  const { busy, run } = useAction(door.page);
  const [text, setText] = useState(state.message);
  const send = (words: string) => run(() => door.say(words), words ? t('They read it now.') : t('The message is gone.'));
  return (
    <details>
      <summary>{state.message ? t('Message to all who wait: “{message}”', { message: state.message }) : t('Message to all who wait')}</summary>
      <form
        className="stack stack-sm"
        onSubmit={(event) => {
          event.preventDefault();
          void send(text);
        }}
      >
        <label htmlFor={id} className="sr-only">
          {t('Message to all who wait')}
        </label>
        <input id={id} value={text} maxLength={300} placeholder={t('For example: we start ten minutes late.')} onChange={(event) => setText(event.target.value)} />
        <div className="lobby-bar">
          <button type="submit" className="btn btn-sm" disabled={busy || !text.trim()}>
            {t('Show it to them')}
          </button>
          {state.message && (
            <button
              type="button"
              className="btn btn-sm btn-ghost"
              disabled={busy}
              onClick={() => {
                setText('');
                void send('');
              }}
            >
              {t('Take it away')}
            </button>
          )}
        </div>
      </form>
    </details>
  );
}

function ClassList({ door, state }: Props) {
  const { t } = door.page;
  const id = useId();
  const { busy, run } = useAction(door.page);
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const keep = async (list: string) => {
    const matches = await door.paste(list);
    setText('');
    const found = t('On the list: {people}. Waiting and selected now: {count}.', { people: matches.people, count: matches.ids.length });
    const doubt = matches.doubtful.length ? ` ${t('To look at yourself, because the name is doubtful: {count}.', { count: matches.doubtful.length })}` : '';
    setSaid(list ? found + doubt : t('The list is gone.'));
  };
  return (
    <details>
      <summary>{state.class_list ? t('Class list ({count})', { count: state.class_list }) : t('Class list')}</summary>
      <div className="stack stack-sm">
        <p className="hint" id={`${id}-hint`}>
          {t('Paste names or e-mail addresses, one person per line, as your list has them. A typed name proves nothing: look at who it is.')}
        </p>
        <label htmlFor={id} className="sr-only">
          {t('Class list')}
        </label>
        <textarea id={id} value={text} rows={4} maxLength={200000} aria-describedby={`${id}-hint`} onChange={(event) => setText(event.target.value)} />
        <div className="lobby-bar">
          <button type="button" className="btn btn-sm" disabled={busy || !text.trim()} onClick={() => void run(() => keep(text))}>
            {t('Keep the list and select who is on it')}
          </button>
          {state.class_list > 0 && (
            <button type="button" className="btn btn-sm btn-ghost" disabled={busy} onClick={() => void run(() => keep(''))}>
              {t('Delete the list')}
            </button>
          )}
        </div>
        <p role="status">{said}</p>
      </div>
    </details>
  );
}

function SentAway({ door, state }: Props) {
  const { t } = door.page;
  const { busy, run } = useAction(door.page);
  if (!state.rejected.length) return null;
  return (
    <details>
      <summary>{t('Sent away ({count})', { count: state.rejected.length })}</summary>
      <ul className="lobby-list">
        {state.rejected.map((one) => (
          <li key={one.id}>
            <span className="lobby-person">
              <span>
                <span className="lobby-name">{one.name}</span>
                <span className="lobby-facts">
                  {one.words && <q>{one.words}</q>}
                  <span>{t('by {name}', { name: one.by })}</span>
                  {one.times > 1 && <span className="badge badge-warn">{t('twice')}</span>}
                </span>
              </span>
            </span>
            <button
              type="button"
              className="btn btn-sm"
              disabled={busy}
              aria-label={t('Let in after all: {name}', { name: one.name })}
              onClick={() => void run(() => door.admit([one.id], { rejected: true }), t('{name} may come in.', { name: one.name }))}
            >
              {t('Let in after all')}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Latest({ door, decided }: { door: Door; decided: Past[] }) {
  const { t } = door.page;
  if (!decided.length) return null;
  const words = ({ state, name, by }: Past) => (state === 'rejected' ? t('{by} has sent {name} away', { by, name }) : t('{by} has let {name} in', { by, name }));
  return (
    <details>
      <summary>{t('Latest decisions')}</summary>
      <ul className="stack stack-sm small">
        {decided.map((one) => (
          <li key={one.id}>{words(one)}</li>
        ))}
      </ul>
    </details>
  );
}

export function Desk({ door, wide = false }: { door: Door; wide?: boolean }) {
  const { t } = door.page;
  useSyncExternalStore(door.subscribe, door.snapshot);
  const { state } = door;
  if (door.refused) {
    return <p role="alert">{t('This is closed: you are no host of this room any more, or the waiting room was switched off.')}</p>;
  }
  if (!state) {
    return <p role="status">{door.hasFailed ? t('The server can’t be reached. Trying again …') : t('Looking who is there …')}</p>;
  }
  return (
    <div className={wide ? 'lobby lobby-wide' : 'lobby'}>
      <Head door={door} state={state} />
      <Line door={door} state={state} />
      <Rules door={door} state={state} />
      <Message door={door} state={state} />
      <ClassList door={door} state={state} />
      <SentAway door={door} state={state} />
      <Latest door={door} decided={state.decided} />
    </div>
  );
}
