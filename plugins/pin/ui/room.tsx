/** The PIN in the room, for hosts: set it, hand it on, let in who waits because too many were wrong. */
import { definePlugin, type RoomApi } from '@audimax/room';
import { useEffect, useState } from 'react';
import { Desk, type Shown, type Waits } from './state';

/** Runs an action; `problem` is a refusal in its own words. */
function useAction(room: RoomApi) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const run = async (work: () => Promise<void>, done: string) => {
    setBusy(true);
    setProblem('');
    try {
      await work();
      room.announce(done);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run };
}

function Failed({ desk }: { desk: Desk }) {
  const { t } = desk.room;
  return (
    <div className="stack stack-sm">
      <p role="alert">{t('This can’t be shown right now.')}</p>
      <div>
        <button type="button" className="btn btn-sm" onClick={() => void desk.fetch()}>
          {t('Try again')}
        </button>
      </div>
    </div>
  );
}

interface CopyProps {
  room: RoomApi;
  id: string;
  label: string;
  button: string;
  text: string;
  done: string;
}

/** What was copied is said here: the settings are a dialog, and lie over the room's own notices. */
function Copy({ room, id, label, button, text, done }: CopyProps) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(done);
    } catch {
      setSaid(room.t('Your browser doesn’t allow copying. Mark the text and copy it.'));
    }
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="input-group">
        <input id={id} className="mono" value={text} readOnly onFocus={(event) => event.target.select()} />
        <button type="button" className="btn" aria-label={button} onClick={() => void copy()}>
          {room.t('Copy')}
        </button>
      </div>
      <p className="hint" role="status">
        {said}
      </p>
    </div>
  );
}

function ShownOnce({ room, shown }: { room: RoomApi; shown: Shown }) {
  const { t } = room;
  return (
    <>
      <p className="alert alert-warn">{t('It is shown this once. Note it, or make another one later.')}</p>
      <Copy room={room} id="pin-made" label={t('Your new PIN')} button={t('Copy the PIN')} text={shown.pin} done={t('PIN copied.')} />
      <Copy
        room={room}
        id="pin-link"
        label={t('Link with the PIN in it')}
        button={t('Copy the link with the PIN')}
        text={shown.link}
        done={t('Link copied. Who comes by it isn’t asked.')}
      />
    </>
  );
}

function Settings({ desk }: { desk: Desk }) {
  const { room, state, shown, failed } = desk;
  const { t } = room;
  const { busy, problem, run } = useAction(room);
  useEffect(() => {
    void desk.fetch();
    return () => desk.hide();
  }, [desk]);
  if (failed) return <Failed desk={desk} />;
  if (!state) return <p className="hint" role="status">{t('One moment …')}</p>;
  return (
    <div className="stack stack-sm" aria-busy={busy}>
      <p className="hint">
        {state.is_set
          ? t('A PIN is set. A new one replaces it at once; whoever is inside stays and isn’t asked again.')
          : t('No PIN is set: participants come in without one.')}
      </p>
      {shown && <ShownOnce key={shown.pin} room={room} shown={shown} />}
      {problem && <p className="error" role="alert">{problem}</p>}
      <div className="row">
        <button type="button" className="btn btn-sm" disabled={busy} onClick={() => void run(() => desk.make(), t('The room has a new PIN.'))}>
          {state.is_set ? t('Make a new PIN') : t('Make a PIN')}
        </button>
        {state.is_set && (
          <button type="button" className="btn btn-sm" disabled={busy} onClick={() => void run(() => desk.remove(), t('The PIN is removed.'))}>
            {t('Remove the PIN')}
          </button>
        )}
      </div>
    </div>
  );
}

const BADGES = { right: 'badge badge-ok', wrong: 'badge badge-warn', unchecked: 'badge' };

function One({ desk, one }: { desk: Desk; one: Waits }) {
  const { t } = desk.room;
  const { busy, problem, run } = useAction(desk.room);
  const words = { right: t('right PIN'), wrong: t('wrong PIN'), unchecked: t('PIN not checked') };
  return (
    <li className="row spread">
      <span className="stack stack-sm">
        <span>{one.name}</span>
        <span>
          <span className={BADGES[one.pin]}>{words[one.pin]}</span>
        </span>
        {problem && <span className="error" role="alert">{problem}</span>}
      </span>
      <button
        type="button"
        className="btn btn-sm"
        disabled={busy}
        aria-label={t('Let in: {name}', { name: one.name })}
        onClick={() => void run(() => desk.letIn(one), t('{name} may come in.', { name: one.name }))}
      >
        {t('Let in')}
      </button>
    </li>
  );
}

function Panel({ desk }: { desk: Desk }) {
  const { t } = desk.room;
  const { busy, problem, run } = useAction(desk.room);
  if (desk.failed) return <Failed desk={desk} />;
  const right = desk.waiting.filter((one) => one.pin === 'right').length;
  return (
    <div className="stack">
      <p className="hint">{t('Too many wrong PINs were typed. Until that calms down, whoever comes waits for you, also with the right PIN.')}</p>
      {right > 1 && (
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => desk.letInRight(), t('All with the right PIN may come in.'))}>
          {t('Let all {count} with the right PIN in', { count: right })}
        </button>
      )}
      {problem && <p className="error" role="alert">{problem}</p>}
      {!desk.waiting.length && <p>{t('Nobody is waiting any more.')}</p>}
      <ul className="stack">
        {desk.waiting.map((one) => (
          <One key={one.id} desk={desk} one={one} />
        ))}
      </ul>
    </div>
  );
}

export default definePlugin((room) => {
  const { t } = room;
  const desk = new Desk(room);
  room.on('connected', () => void desk.fetch());
  room.on('data:pin', () => void desk.fetch());
  room.addSettings({ id: 'pin', order: 50, title: t('PIN'), component: () => <Settings desk={desk} /> });
  room.addPanel({
    id: 'waiting',
    title: t('Waiting at the PIN'),
    icon: 'key-round',
    order: 55,
    badge: () => desk.waiting.length || null,
    visible: () => desk.waiting.length > 0 || room.panelOpen('waiting'),
    component: () => <Panel desk={desk} />,
  });
});
